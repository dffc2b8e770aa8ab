//! The same weights, bit for bit, for any number of threads.

use burn::tensor::{Device, Tensor, TensorData};
use steepest::{AdamW, Clip, Optimizer};
use steepest_burn::{BurnOptimizer, NamedTensor, named_tensors};
use steepest_data::random::Stream;
use steepest_train::loss::Loss;
use steepest_train::model::{Activation, CnnConfig, Joined, MlpConfig, ModelConfig, Noise};

fn train(config: &ModelConfig, width: usize, batch: usize, threads: usize) -> Vec<NamedTensor> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    pool.install(|| {
        let device = Device::flex().autodiff();
        let mut model = config.init(1, &device);
        let rule = Optimizer::builder(AdamW::default()).clip(Clip::GlobalNorm(1.0));
        let mut optimizer = BurnOptimizer::new(rule, &model).unwrap();
        let loss = Loss::CrossEntropy { smoothing: 0.1, weights: None };
        let mut stream = Stream::new(b"test\0\0\0\0", 0, 0);
        for step in 0..6 {
            let x = (0..batch * width).map(|_| stream.below(1 << 16) as f32 / 65536.0).collect();
            let x = Tensor::from_data(TensorData::new::<f32, _>(x, [batch, width]), &device);
            let codes: Vec<u32> = (0..batch).map(|_| stream.below(10) as u32).collect();
            let grads = loss
                .classes(model.forward_training(x, Noise { seed: 1, step, dropout: 1.0 }), &codes, None)
                .backward();
            optimizer.step(1e-3, &mut model, grads).unwrap();
        }
        named_tensors(&model)
    })
}

#[test]
fn the_bits_do_not_depend_on_the_threads() {
    // wide enough that matrix products and updates are divided among the threads
    let mlp = ModelConfig::Mlp(MlpConfig {
        inputs: 784,
        hidden: vec![512, 256],
        outputs: 10,
        activation: Activation::Gelu,
        dropout: 0.1,
        layer_norm: true,
        ..MlpConfig::default()
    });
    let members = ModelConfig::Mlp(MlpConfig {
        inputs: 784,
        hidden: vec![256, 256],
        outputs: 10,
        dropout: 0.1,
        input_scale: true,
        members: 4,
        joined: Joined::Classes,
        ..MlpConfig::default()
    });
    let cnn = ModelConfig::Cnn(CnnConfig { image: [1, 28, 28], outputs: 10, dropout: 0.1 });
    for (config, batch) in [(mlp, 128), (members, 128), (cnn, 16)] {
        let one = train(&config, 784, batch, 1);
        for threads in [2, 3] {
            let many = train(&config, 784, batch, threads);
            for ((name, _, a), (_, _, b)) in one.iter().zip(&many) {
                assert!(
                    a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits()),
                    "{name}, {threads} threads"
                );
            }
        }
    }
}
