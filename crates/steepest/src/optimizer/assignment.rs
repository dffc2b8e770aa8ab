//! Which rule and which groups apply to which parameter.

use crate::optimizer::Optimizer;
use crate::rule::Decay;
use std::fmt;

impl Optimizer {
    /// A dry run: for each parameter the rule, learning-rate factor, decay, state and the groups
    /// that matched it.
    pub fn plan(&self) -> Assignment<'_> {
        Assignment(self)
    }
}

/// Which rule and which groups apply to which parameter; prints as a table.
#[derive(Debug)]
pub struct Assignment<'a>(&'a Optimizer);

impl fmt::Display for Assignment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let optimizer = self.0;
        let width = optimizer.params().iter().map(|p| p.name.chars().count()).max().unwrap_or(0).max(9);
        writeln!(
            f,
            "{:width$}  {:>14}  {:5}  {:9}  {:>9}  {:>12}  {:>11}  groups",
            "parameter", "shape", "dtype", "rule", "lr factor", "weight decay", "state bytes"
        )?;
        for (i, param) in optimizer.params().iter().enumerate() {
            let of = &optimizer.tensors[i];
            let rule = &optimizer.setup.rules[of.rule];
            let lambda = of.weight_decay.unwrap_or(rule.decay.lambda());
            let kind = match rule.decay {
                Decay::Coupled(_) | Decay::Own(_) => "",
                Decay::Decoupled(_) => " (decoupled)",
            };
            let bytes = of.bytes();
            let shape = param.shape.iter().map(usize::to_string).collect::<Vec<_>>().join("×");
            writeln!(
                f,
                "{:width$}  {:>14}  {:5}  {:9}  {:>9}  {:>12}  {:>11}  {}{}",
                param.name,
                if shape.is_empty() { "scalar".to_owned() } else { shape },
                param.dtype,
                rule.name,
                if of.frozen { "frozen".to_owned() } else { of.lr_factor.to_string() },
                lambda,
                bytes,
                if optimizer.groups[i].is_empty() { "-".to_owned() } else { optimizer.groups[i].join(", ") },
                if lambda > 0.0 { kind } else { "" },
            )?;
        }
        Ok(())
    }
}
