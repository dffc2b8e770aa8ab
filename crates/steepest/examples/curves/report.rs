//! The study's tables, as Markdown, and its picture.

use super::statistics::{deviation, mean};
use super::study::{Comparison, Curves, Recipe, Verdict, Workload};
use std::fmt::Write;

fn words(of: &Comparison) -> &'static str {
    let up = of.paired.last().unwrap().mean > 0.0;
    match of.verdict {
        Verdict::Equal => "equal",
        Verdict::Within if up => "within noise, higher",
        Verdict::Within => "within noise, lower",
        Verdict::Differs if up => "**higher**",
        Verdict::Differs => "**lower**",
        Verdict::Open => "not decided",
    }
}

fn probability(p: f64) -> String {
    if p < 1e-4 { "< 0.0001".to_owned() } else { format!("{p:.4}") }
}

/// A row for each variant, a column for each checkpoint.
pub fn table(workload: &Workload, recipe: Recipe, all: &[Curves]) -> String {
    let mut out = format!(
        "**{}**, learning rate {}, {} seeds\n\n| kept as |",
        workload.name, workload.lr, recipe.seeds
    );
    for step in recipe.taken() {
        write!(out, " step {step} |").unwrap();
    }
    let columns = " --- |".repeat(recipe.checkpoints as usize);
    out += " p | reach | verdict |\n";
    writeln!(out, "| --- |{columns} --- | --- | --- |").unwrap();
    write!(out, "| {}: loss, noise |", all[0].variant.name).unwrap();
    for k in 0..recipe.checkpoints as usize {
        write!(out, " {:.4}, {:.4} |", mean(&all[0].at(k)), deviation(&all[0].at(k))).unwrap();
    }
    out += " | | |\n";
    for curves in &all[1..] {
        let of = Comparison::new(curves, &all[0], recipe.checkpoints as usize);
        write!(out, "| {} |", curves.variant.name).unwrap();
        for d in &of.paired {
            write!(out, " {:+.4} ± {:.4} |", d.mean, d.half).unwrap();
        }
        writeln!(out, " {} | {:.2} | {} |", probability(of.p), of.reach, words(&of)).unwrap();
    }
    out.replace(" -", " −")
        // the rule below the heading is not a number
        .replace("−--", "---")
}

/// A row of [`rates`]: the heading first.
pub fn rates_heading(rates: &[f64]) -> String {
    let mut out = "| workload | kept as |".to_owned();
    for lr in rates {
        write!(out, " learning rate {lr} |").unwrap();
    }
    out + "\n| --- | --- |" + &" --- |".repeat(rates.len())
}

/// One variant at several learning rates: the difference of the last losses, and the verdict over all checkpoints.
pub fn rates(workload: &Workload, recipe: Recipe, variant: usize, runs: &[Vec<Curves>]) -> String {
    let last = recipe.checkpoints as usize - 1;
    let mut out = format!("| {} | {} |", workload.name, runs[0][variant].variant.name);
    for all in runs {
        if variant == 0 {
            write!(out, " {:.4}, noise {:.4} |", mean(&all[0].at(last)), deviation(&all[0].at(last)))
                .unwrap();
        } else {
            let of = Comparison::new(&all[variant], &all[0], last + 1);
            let d = of.paired[last];
            write!(out, " {:+.4} ± {:.4}, {} |", d.mean, d.half, words(&of)).unwrap();
        }
    }
    out.replace(" -", " −")
}

const COLOURS: [&str; 11] = [
    "#000000", "#888888", "#b0a060", "#56b4e9", "#0072b2", "#009e73", "#8fbc3f", "#cc79a7", "#e69f00",
    "#d55e00", "#7a4fb5",
];
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 300.0;

/// For each workload the mean curves; the band is the baseline's mean ± its standard deviation from seed to seed.
pub fn picture(recipe: Recipe, workloads: &[(Workload, Vec<Curves>)]) -> String {
    let panels = workloads.len() as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        panels * (WIDTH + 80.0),
        HEIGHT + 190.0
    );
    let steps: Vec<u64> = recipe.taken().collect();
    for (panel, (workload, all)) in workloads.iter().enumerate() {
        let band: Vec<(f64, f64)> =
            (0..steps.len()).map(|k| (mean(&all[0].at(k)), deviation(&all[0].at(k)))).collect();
        let means: Vec<Vec<f64>> =
            all.iter().map(|curves| (0..steps.len()).map(|k| mean(&curves.at(k))).collect()).collect();
        let ends = means.iter().flatten().copied().chain(band.iter().flat_map(|(m, s)| [m - s, m + s]));
        let (low, high) = ends.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
        let left = 55.0 + panel as f64 * (WIDTH + 80.0);
        let x = |k: usize| left + WIDTH * (steps[k] - steps[0]) as f64 / (recipe.steps - steps[0]) as f64;
        let y = |loss: f64| 35.0 + HEIGHT * (high - loss) / (high - low);
        let line = |points: &mut dyn Iterator<Item = (usize, f64)>| -> String {
            points.map(|(k, loss)| format!("{:.1},{:.1} ", x(k), y(loss))).collect()
        };
        writeln!(svg, "<text x=\"{left}\" y=\"20\">{}: held-out loss by step</text>", workload.name).unwrap();
        for i in 0..=4 {
            let loss = low + (high - low) * f64::from(i) / 4.0;
            writeln!(
                svg,
                "<path d=\"M{left} {y:.1}h{WIDTH}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{loss:.2}</text>",
                left - 5.0,
                y(loss) + 4.0,
                y = y(loss),
            )
            .unwrap();
        }
        for (k, step) in steps.iter().enumerate() {
            let y = HEIGHT + 52.0;
            writeln!(svg, "<text x=\"{:.1}\" y=\"{y}\" text-anchor=\"middle\">{step}</text>", x(k)).unwrap();
        }
        let above = band.iter().map(|(m, s)| m + s).enumerate();
        let below = band.iter().map(|(m, s)| m - s).enumerate().rev();
        let outline = line(&mut above.chain(below));
        writeln!(svg, "<polygon points=\"{outline}\" fill=\"#ccc\" fill-opacity=\"0.6\"/>").unwrap();
        for (means, colour) in means.iter().zip(COLOURS) {
            let points = line(&mut means.iter().copied().enumerate());
            writeln!(
                svg,
                "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>"
            )
            .unwrap();
        }
    }
    for (i, (curves, colour)) in workloads[0].1.iter().zip(COLOURS).enumerate() {
        let (x, y) = (55.0 + 290.0 * (i / 4) as f64, HEIGHT + 85.0 + 22.0 * (i % 4) as f64);
        let name = curves.variant.name;
        writeln!(
            svg,
            "<path d=\"M{x} {y}h24\" stroke=\"{colour}\" stroke-width=\"3\"/><text x=\"{}\" y=\"{}\">{name}</text>",
            x + 30.0,
            y + 4.0
        )
        .unwrap();
    }
    svg + "</svg>\n"
}
