//! Outputs of several networks as one.

use burn::tensor::{Tensor, activation};

/// How the outputs of several networks become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Joined {
    /// Their mean.
    #[default]
    Mean,
    /// Of the logits of the second of two classes: the logit of the mean probability.
    Binary,
    /// Of the logits of classes: logarithms of the mean probabilities.
    Classes,
}

impl Joined {
    pub(super) fn join(self, all: Tensor<3>) -> Tensor<2> {
        let logarithms = |all: Tensor<3>| {
            let most = all.clone().max_dim(0);
            // a mean of probabilities, none of which need be above the smallest f32
            (all - most.clone()).exp().mean_dim(0).log() + most
        };
        let joined = match self {
            Self::Mean => all.mean_dim(0),
            Self::Binary => {
                let yes = logarithms(activation::log_sigmoid(all.clone()));
                yes - logarithms(activation::log_sigmoid(-all))
            }
            Self::Classes => logarithms(activation::log_softmax(all, 2)),
        };
        joined.squeeze_dim::<2>(0)
    }
}
