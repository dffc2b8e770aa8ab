//! Training is cut, saved and resumed, and ends with the bits of a training that was not cut.
use steepest::{AdamW, DType, Optimizer, Param, Slot, StateFormat};

/// Steps `from..to` on f = Σ(θᵢ − i)²/2.
fn train(optimizer: &mut Optimizer, theta: &mut [f32], steps: std::ops::Range<u64>) -> steepest::Result<()> {
    for _ in steps {
        let gradient: Vec<f32> = theta.iter().enumerate().map(|(i, x)| x - i as f32).collect();
        optimizer.step(0.1, &mut [Slot::new(&mut *theta, &gradient)])?;
    }
    Ok(())
}

fn make() -> steepest::Result<Optimizer> {
    // rounded at random, with bits that are a function of seed, name, step and element
    let builder = Optimizer::builder(AdamW::default()).state_format(StateFormat::Bits8);
    builder.build([Param::new("theta", [5000], DType::F32)])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut whole, mut cut) = (vec![0.0f32; 5000], vec![0.0f32; 5000]);
    train(&mut make()?, &mut whole, 0..200)?;

    let file = std::env::temp_dir().join(format!("steepest-resume-{}.safetensors", std::process::id()));
    let mut first = make()?;
    train(&mut first, &mut cut, 0..80)?;
    first.save(&file)?;
    let mut second = make()?;
    second.load(&file)?;
    let taken = second.steps_taken();
    train(&mut second, &mut cut, taken..200)?;
    std::fs::remove_file(&file)?;
    assert!(whole.iter().zip(&cut).all(|(a, b)| a.to_bits() == b.to_bits()));
    println!("200 steps, and 80 steps, a file and 120 more, end with the same bits");
    Ok(())
}
