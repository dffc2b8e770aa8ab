use super::minimize_page;
use super::ran::{HEAD, Ran, came_lowest, near, why};
use super::report::{check_place, write_page};
use crate::args::{KeyValue, Minimize, OptimizerSpec};
use crate::output::{Failure, Paint, Result, count, print, print_json, short, significant, table, write};
use serde_json::json;
use std::path::PathBuf;
use steepest::functions::{self, Function};
use steepest::registry::{self, Entry};
use steepest::schedule::{self, Schedule};
use steepest::settings::{Value, Values};
use steepest::stop::{Divergence, Stop};
use steepest::{Clip, MinimizeReport, nearest};
use steepest_report::{Picture, Surface, Way};

/// The rates that are tried where none is given.
const RATES: [f64; 16] =
    [1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 5e-3, 2e-3, 1e-3, 5e-4, 2e-4, 1e-4, 5e-5, 2e-5, 1e-5];

/// How far above its start, as a multiple of the start's height, a calm way climbs at most: the
/// factor from which on the stop rule `divergence` counts, too.
const CALM: f64 = 4.0;

/// One optimizer, ready to go.
struct Runner {
    entry: &'static Entry,
    settings: Values,
    /// Given, or to be found.
    lr: Option<f64>,
}

/// Minimizes a function with one or several optimizers, and draws their ways.
pub fn run(args: Minimize) -> Result {
    let (function, values) = shaped(&args)?;
    let start = match &args.start {
        Some(start) => start.0.clone(),
        None => function.start(function.dimension.default())?,
    };
    function.check(start.len())?;
    check(&args)?;
    let pictures = pictures(&args, start.len())?;
    if let Some(path) = &args.report {
        check_place(path, "--report")?;
    }
    let runners: Vec<Runner> =
        args.optimizer.iter().map(|spec| runner(spec, &args)).collect::<Result<_>>()?;
    let mut ran = Vec::new();
    for runner in runners {
        ran.push(best_run(&args, &function, &start, runner)?);
    }
    let drawn = Drawn { args: &args, function: &function, start: &start, ran: &ran };
    if pictures.iter().any(Option::is_some) {
        let picture = drawn.picture()?;
        let [svg_file, png_file, gif_file] = &pictures;
        if let Some(path) = svg_file {
            let svg = if args.animate { picture.animated_svg() } else { picture.svg() };
            write(Some(path), svg.as_bytes())?;
        }
        if let Some(path) = gif_file {
            let gif = picture.gif().map_err(|error| Failure::file(path, error))?;
            write(Some(path), &gif)?;
        }
        if let Some(path) = png_file {
            let png = Picture::png(&picture.svg()).map_err(|error| Failure::file(path, error))?;
            write(Some(path), &png)?;
        }
    }
    if let Some(path) = &args.report {
        let picture = if args.no_picture { None } else { drawn.picture()?.drawing() };
        write_page(path, &minimize_page::page(&function, &start, &ran, picture)?, "--report")?;
    }
    if args.json {
        print_json(&drawn.json(&values, &pictures)?)?;
    } else {
        print(&drawn.report(&pictures, Paint::stdout())?)?;
    }
    if ran.iter().all(|ran| ran.minimum.reason.is_failure()) {
        let message =
            "every optimizer diverged; try a smaller --lr, or leave it out to let the best be found";
        return Err(Failure::Run(message.to_owned()));
    }
    Ok(())
}

/// What can be known to be wrong without a step.
fn check(args: &Minimize) -> Result {
    let rates = args.lr.into_iter().chain(spec_rates(args)?);
    for lr in rates {
        if !(lr > 0.0 && lr.is_finite()) {
            return Err(Failure::input(format!("lr is {lr}, expected a finite number above 0")));
        }
    }
    // the same check that a run makes, with a better name
    Stop::gradient_tolerance(args.grad_tol).validate().map_err(|_| {
        Failure::input(format!("--grad-tol is {}, expected a number of at least 0", args.grad_tol))
    })?;
    if let Some(norm) = args.clip_norm.filter(|norm| !(*norm > 0.0 && norm.is_finite())) {
        return Err(Failure::input(format!("--clip-norm is {norm}, expected a finite number above 0")));
    }
    make_schedule(args).map(|_| ())
}

fn spec_rates(args: &Minimize) -> Result<Vec<f64>> {
    let settings = args.optimizer.iter().flat_map(|spec| &spec.set);
    settings
        .filter(|setting| setting.key == "lr")
        .map(|setting| match setting.value {
            Value::Number(lr) => Ok(lr),
            ref value => Err(Failure::input(format!("lr is {value}, expected a finite number above 0"))),
        })
        .collect()
}

/// The function with its own settings among `--set`.
fn shaped(args: &Minimize) -> Result<(Function, Values)> {
    let function = functions::find(&args.function)?;
    let has = |key: &str| function.parameters().iter().any(|p| p.name == key);
    let own = args.set.iter().filter(|setting| has(&setting.key));
    let values: Values = own.map(|s| (s.key.clone(), s.value.clone())).collect();
    // a setting that nobody has is a slip
    for KeyValue { key, .. } in &args.set {
        let entries = args.optimizer.iter().filter_map(|spec| registry::find_method(&spec.name).ok());
        let parameters: Vec<_> = entries.flat_map(|entry| (entry.parameters)()).collect();
        let known = || function.parameters().iter().chain(&parameters).map(|p| p.name).collect::<Vec<_>>();
        if !key.starts_with("schedule.") && !known().contains(&key.as_str()) {
            let hint = match nearest(key, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("known: {}", known().join(", ")),
            };
            let names: Vec<&str> = args.optimizer.iter().map(|spec| spec.name.as_str()).collect();
            let message =
                format!("neither {} nor {} has a setting `{key}`; {hint}", function.name, names.join(", "));
            return Err(Failure::input(message));
        }
    }
    Ok((function.with(&values)?, values))
}

/// One optimizer with its own settings and those of `--set` that it has.
fn runner(spec: &OptimizerSpec, args: &Minimize) -> Result<Runner> {
    let entry = registry::find_method(&spec.name)?;
    let has = |key: &str| (entry.parameters)().iter().any(|p| p.name == key);
    let shared = args.set.iter().filter(|setting| has(&setting.key));
    let own = spec.set.iter().filter(|setting| setting.key != "lr");
    let settings: Values = shared.chain(own).map(|s| (s.key.clone(), s.value.clone())).collect();
    // the settings are looked at before anything runs
    entry.minimize::<f64>(&settings, 1.0, Stop::max_steps(0))?;
    let own_lr = spec.set.iter().rev().find_map(|setting| match setting.value {
        Value::Number(lr) if setting.key == "lr" => Some(lr),
        _ => None,
    });
    // a line search needs no rate
    let searched = entry.traits.needs_function.then_some(entry.default_lr);
    Ok(Runner { entry, settings, lr: own_lr.or(args.lr).or(searched) })
}

fn make_schedule(args: &Minimize) -> Result<Box<dyn Schedule>> {
    let of_schedule = |s: &KeyValue| Some((s.key.strip_prefix("schedule.")?.to_owned(), s.value.clone()));
    let values: Values = args.set.iter().filter_map(of_schedule).collect();
    Ok(schedule::make(args.schedule.as_deref().unwrap_or("constant"), &values)?)
}

/// A run at the given rate, or the best of several: of the calm ones the lowest end, of equals the
/// shortest way.
fn best_run(args: &Minimize, function: &Function, start: &[f64], runner: Runner) -> Result<Ran> {
    let once = |lr: f64| -> Result<MinimizeReport<f64>> {
        let stop = Stop::gradient_tolerance(args.grad_tol)
            | Stop::non_finite()
            // far above any hill of the way, so that only what runs away is stopped
            | Stop::from(Divergence { factor: 1e6, patience: 1 })
            | Stop::max_steps(args.steps);
        let f = |x: &[f64], g: &mut [f64]| {
            function.gradient(x, g);
            function.value(x)
        };
        let rate = (lr, make_schedule(args)?);
        let run = runner.entry.minimize(&runner.settings, rate, stop)?;
        Ok(run.clip(args.clip_norm.map(Clip::GlobalNorm)).run(f, start)?)
    };
    let minima = function.minima(start.len())?;
    let floor = minima.iter().map(|minimum| minimum.value).fold(f64::INFINITY, f64::min);
    let (lr, minimum) = match runner.lr {
        Some(lr) => (lr, once(lr)?),
        None => {
            let mut best: Option<(f64, MinimizeReport<f64>)> = None;
            for lr in RATES {
                let minimum = once(lr)?;
                if best.as_ref().is_none_or(|(_, than)| is_better(&minimum, than, floor)) {
                    best = Some((lr, minimum));
                }
            }
            best.ok_or_else(|| Failure::input("there is no rate to try"))?
        }
    };
    let given: Vec<String> = runner.settings.iter().map(|(key, value)| format!("{key} {value}")).collect();
    let label = [&[runner.entry.name.to_owned()], given.as_slice()].concat().join(", ");
    let tried = runner.lr.is_none();
    Ok(Ran { label, name: runner.entry.name, settings: runner.settings, lr, tried, minimum })
}

fn is_better(one: &MinimizeReport<f64>, than: &MinimizeReport<f64>, floor: f64) -> bool {
    // a way that leaves the valley and falls back somewhere is luck, not a good rate
    let calm = |run: &MinimizeReport<f64>| {
        let height = |i: usize| run.trace.get(i).map_or(f64::NAN, |point| point.value) - floor;
        !run.reason.is_failure() && (0..run.trace.len()).all(|i| height(i) <= CALM * height(0))
    };
    let rank = |run: &MinimizeReport<f64>| (u8::from(!run.reason.is_failure()), u8::from(calm(run)));
    if rank(one) != rank(than) {
        return rank(one) > rank(than);
    }
    // beyond these digits both are there, and the question is who came first
    let same = 1e-12 * than.value.abs().max(1.0);
    if (one.value - than.value).abs() <= same { one.steps < than.steps } else { one.value < than.value }
}

/// Where the pictures go, as SVG, as PNG and as GIF.
fn pictures(args: &Minimize, coordinates: usize) -> Result<[Option<PathBuf>; 3]> {
    for path in [&args.svg, &args.png, &args.gif, &args.report].into_iter().flatten() {
        if path.is_dir() {
            return Err(Failure::input(format!("{} is a directory; name a file in it", path.display())));
        }
    }
    let asked = [&args.svg, &args.png, &args.gif, &args.report].into_iter().any(Option::is_some);
    if asked || args.no_picture || args.json || coordinates == 0 {
        let usual = || args.animate.then(|| format!("{}.svg", args.function).into());
        return Ok([args.svg.clone().or_else(usual), args.png.clone(), args.gif.clone()]);
    }
    Ok([Some(format!("{}.svg", args.function).into()), None, None])
}

/// All that is shown.
struct Drawn<'a> {
    args: &'a Minimize,
    function: &'a Function,
    start: &'a [f64],
    ran: &'a [Ran],
}

impl Drawn<'_> {
    fn picture(&self) -> Result<Picture<'_>> {
        let minima = self.function.minima(self.start.len())?;
        let floor = minima.iter().map(|minimum| minimum.value).fold(f64::INFINITY, f64::min);
        let plane = <[f64; 2]>::try_from(self.start).ok();
        let surface = plane.map(|start| Surface {
            f: Box::new(|x| self.function.value(&x)),
            window: self.function.window,
            start,
            minima: minima.iter().filter_map(|m| <[f64; 2]>::try_from(m.point.as_slice()).ok()).collect(),
        });
        let way = |ran: &Ran| Way {
            name: ran.label.clone(),
            notes: [
                format!("lr {}, {}", short(ran.lr), count(ran.minimum.steps, "step")),
                match ran.minimum.reason.is_failure() {
                    true => format!("diverged, f = {}", significant(ran.minimum.value, 3)),
                    false => {
                        format!("f = {} at {}", significant(ran.minimum.value, 3), near(&ran.minimum.theta))
                    }
                },
            ],
            points: ran
                .minimum
                .trace
                .iter()
                .filter_map(|p| <[f64; 2]>::try_from(p.theta.as_slice()).ok())
                .collect(),
            values: ran.minimum.trace.iter().map(|p| (p.step, p.value)).collect(),
        };
        let schedule = match &self.args.schedule {
            Some(name) if name != "constant" => format!(", {name} schedule"),
            _ => String::new(),
        };
        let dimension = match self.start.len() {
            2 => String::new(),
            n => format!(", {}", count(n as u64, "coordinate")),
        };
        Ok(Picture {
            title: format!("{}{dimension}{schedule}", self.function.name),
            subtitle: self.function.formula.to_owned(),
            surface,
            ways: self.ran.iter().map(way).collect(),
            floor,
        })
    }

    fn report(&self, pictures: &[Option<PathBuf>; 3], paint: Paint) -> Result<String> {
        let minima = self.function.minima(self.start.len())?;
        let mut text = format!(
            "{} from {}, f = {}\n\n",
            paint.bold(self.function.name),
            near(self.start),
            short(self.function.value(self.start))
        );
        let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
        rows.extend(self.ran.iter().map(|ran| ran.row(&minima)));
        text += &paint.headed(&table(&rows));
        if let Some(sentence) = came_lowest(self.ran) {
            text += &format!("\n{sentence}\n");
        }
        if self.ran.iter().any(|ran| ran.tried) {
            let tried = format!("\neach lr is the best of {} from 1e-5 to 1; --lr sets it\n", RATES.len());
            text += &paint.dim(&tried);
        }
        for (i, path) in pictures.iter().flatten().enumerate() {
            text += &format!("{}picture  {}\n", if i == 0 { "\n" } else { "" }, path.display());
        }
        if let Some(path) = &self.args.report {
            let gap = if pictures.iter().any(Option::is_some) { "" } else { "\n" };
            text += &format!("{gap}report   {}\n", path.display());
        }
        Ok(text)
    }

    fn json(&self, values: &Values, pictures: &[Option<PathBuf>; 3]) -> Result<serde_json::Value> {
        let minima = self.function.minima(self.start.len())?;
        let minima: Vec<_> = minima.iter().map(|m| json!({"point": m.point, "value": m.value})).collect();
        let runs: Vec<_> = self
            .ran
            .iter()
            .map(|ran| {
                let end = &ran.minimum;
                json!({
                    "optimizer": ran.name,
                    "settings": ran.settings,
                    "lr": ran.lr,
                    "steps": end.steps,
                    "value": end.value,
                    "gradient_norm": end.gradient_norm,
                    "theta": end.theta,
                    "best": {"step": end.best.step, "value": end.best.value, "theta": end.best.theta},
                    "stopped_by": end.reason.stopped_by(),
                    "stopped_because": why(&end.reason),
                    "diverged": end.reason.is_failure(),
                })
            })
            .collect();
        let [svg, png, gif] = pictures;
        Ok(json!({
            "function": self.function.name,
            "settings": values,
            "start": self.start,
            "start_value": self.function.value(self.start),
            "schedule": self.args.schedule.as_deref().unwrap_or("constant"),
            "minima": minima,
            "runs": runs,
            "svg": svg,
            "png": png,
            "gif": gif,
            "report": self.args.report,
        }))
    }
}
