//! What the full screen shows, as a function of what is known and of how large it is.

use crate::line::{bar, rate, sparkline};
use crate::output::{count, short, shown_path, significant};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Cell, Chart, Dataset, GraphType, Paragraph, Row, Table};
use steepest_data::shown;
use steepest_report::{duration, is_often};
use steepest_train::{EpochDone, LayerDone, Start, StepDone};

/// What the screen is made from.
pub struct View {
    start: Start,
    colour: bool,
    step: Option<StepDone>,
    epochs: Vec<Epoch>,
    /// The losses within the first epoch, by the part of it that is done.
    first_epoch: Vec<(f64, f64)>,
    layers: Vec<Layer>,
    best_epoch: Option<u64>,
    /// Whether losses are drawn on a logarithmic scale.
    pub log: bool,
    /// Whether keys are heard.
    pub keys: bool,
    /// The last thing that was said.
    pub message: Option<String>,
}

/// What is drawn of an epoch.
struct Epoch {
    number: f64,
    train: f64,
    /// The loss that decides about stopping.
    validation: Option<f64>,
    metric: Option<f64>,
    lr: f64,
}

/// A tensor with the past of its gradient.
struct Layer {
    now: LayerDone,
    norms: Vec<f64>,
}

/// Points of a curve: more than a terminal is wide in dots.
const MOST_POINTS: usize = 800;
/// Values of a curve in a table.
const MOST_NORMS: usize = 64;
/// Cells of such a curve.
const SPARK: usize = 12;

type Points = Vec<(f64, f64)>;

impl View {
    pub fn new(start: &Start, colour: bool) -> Self {
        Self {
            start: start.clone(),
            colour,
            step: None,
            epochs: Vec::new(),
            first_epoch: Vec::new(),
            layers: Vec::new(),
            best_epoch: None,
            log: false,
            keys: false,
            message: None,
        }
    }

    pub fn step(&mut self, done: &StepDone) {
        if self.epochs.is_empty() {
            let part = done.step as f64 / self.start.steps_per_epoch.max(1) as f64;
            self.first_epoch.push((part, done.loss));
            if self.first_epoch.len() > 2 * MOST_POINTS {
                self.first_epoch = thinned(&self.first_epoch);
            }
        }
        self.step = Some(*done);
    }

    pub fn epoch(&mut self, done: &EpochDone) {
        self.epochs.push(Epoch {
            number: done.epoch as f64,
            train: done.train_loss,
            validation: done.validation_capped.or(done.validation_loss),
            metric: done.validation_metric,
            lr: done.lr,
        });
        if done.best {
            self.best_epoch = Some(done.epoch);
        }
        for layer in &done.layers {
            match self.layers.iter_mut().find(|known| known.now.name == layer.name) {
                Some(known) => {
                    known.now = layer.clone();
                    known.norms.push(layer.gradient_norm);
                    // of two the later stays, so that the whole past is in it
                    if known.norms.len() > MOST_NORMS {
                        known.norms = known.norms.iter().copied().skip(1).step_by(2).collect();
                    }
                }
                None => self.layers.push(Layer { now: layer.clone(), norms: vec![layer.gradient_norm] }),
            }
        }
    }

    pub fn draw(&self, frame: &mut Frame<'_>) {
        let area = frame.area();
        let [head, body, foot] =
            Layout::vertical([Constraint::Length(3), Constraint::Min(0), Constraint::Length(1)]).areas(area);
        frame.render_widget(Paragraph::new(self.head(usize::from(area.width))), head);
        self.body(frame, body);
        frame.render_widget(Paragraph::new(self.foot()), foot);
    }

    fn style(&self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    fn dim(&self) -> Style {
        if self.colour { Style::new().add_modifier(Modifier::DIM) } else { Style::new() }
    }

    /// The run, what it trains, and how far it is.
    fn head(&self, width: usize) -> Vec<Line<'_>> {
        let start = &self.start;
        let bold = if self.colour { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() };
        let run = Line::from(vec![
            Span::styled("steepest  ", self.dim()),
            Span::styled(shown_path(&start.run).to_string(), bold),
        ]);
        let what = format!(
            "{}, {}; {}; batches of {}",
            shown(&start.model),
            count(start.parameters as u64, "parameter"),
            shown(&start.optimizer),
            start.batch
        );
        let Some(step) = &self.step else { return vec![run, Line::from(what)] };
        let steps = start.epochs.saturating_mul(start.steps_per_epoch).max(1);
        let left = format!("  epoch {}/{}  loss {}", step.epoch, start.epochs, significant(step.loss, 4));
        let right =
            format!("  {} left  {} rows/s", duration(step.seconds_left), rate(step.samples_per_second));
        let cells = width.saturating_sub(left.len() + right.len()).min(60);
        let done = bar(step.step as f64 / steps as f64, cells);
        vec![
            run,
            Line::from(what),
            Line::from(vec![
                Span::styled(done, self.style(Color::Cyan)),
                Span::raw(left),
                Span::styled(right, self.dim()),
            ]),
        ]
    }

    fn foot(&self) -> Line<'_> {
        let keys = match self.keys {
            true => "q saves and stops   l logarithmic",
            false => "Ctrl-C saves and stops",
        };
        match &self.message {
            Some(message) => Line::from(format!("{}   {keys}", shown(message).at_most(400))),
            None => Line::styled(keys, self.dim()),
        }
    }

    /// Curves above, layers and learning rate below: as much of it as there is room for.
    fn body(&self, frame: &mut Frame<'_>, area: Rect) {
        let wide = area.width >= 70;
        let table = self.layers.len() as u16 + 3;
        let low = match area.height {
            0..14 => 0,
            height => table.min(height / 2).max(6),
        };
        let [above, below] = Layout::vertical([Constraint::Min(0), Constraint::Length(low)]).areas(area);
        let halves = |area: Rect, left: u16| -> [Rect; 2] {
            Layout::horizontal([Constraint::Percentage(left), Constraint::Min(0)]).areas(area)
        };
        let has_metric = self.epochs.iter().any(|epoch| epoch.metric.is_some());
        if wide && has_metric {
            let [left, right] = halves(above, 60);
            self.losses(frame, left);
            self.metrics(frame, right);
        } else {
            self.losses(frame, above);
        }
        if wide {
            let [left, right] = halves(below, 60);
            self.layers(frame, left);
            self.rates(frame, right);
        } else {
            self.layers(frame, below);
        }
    }

    fn losses(&self, frame: &mut Frame<'_>, area: Rect) {
        let mut train = self.curve(|epoch| Some(epoch.train));
        if self.epochs.len() < 2 {
            train = self.first_epoch.iter().copied().filter(|(_, loss)| loss.is_finite()).collect();
        }
        let lines = [
            ("training", train, Color::DarkGray),
            ("validation", self.curve(|epoch| epoch.validation), Color::Cyan),
        ];
        let best = self.best_epoch.map(|epoch| format!(", best at epoch {epoch}")).unwrap_or_default();
        self.chart(frame, area, &format!("loss{best}"), &lines, self.log);
    }

    fn metrics(&self, frame: &mut Frame<'_>, area: Rect) {
        let lines = [(self.start.metric, self.curve(|epoch| epoch.metric), Color::Cyan)];
        let last = self.epochs.iter().rev().find_map(|epoch| epoch.metric);
        let last = last.map(|value| format!(" {}", significant(value, 4))).unwrap_or_default();
        self.chart(frame, area, &format!("validation {}{last}", self.start.metric), &lines, false);
    }

    fn rates(&self, frame: &mut Frame<'_>, area: Rect) {
        let lines = [("learning rate", self.curve(|epoch| Some(epoch.lr)), Color::Yellow)];
        let last = self.step.map(|step| format!(" {}", short(step.lr))).unwrap_or_default();
        self.chart(frame, area, &format!("learning rate{last}"), &lines, false);
    }

    /// A value of each epoch.
    fn curve(&self, value: impl Fn(&Epoch) -> Option<f64>) -> Points {
        let points = self.epochs.iter().filter_map(|epoch| Some((epoch.number, value(epoch)?)));
        thinned(&points.filter(|(_, value)| value.is_finite()).collect::<Points>())
    }

    fn chart(
        &self,
        frame: &mut Frame<'_>,
        area: Rect,
        title: &str,
        lines: &[(&str, Points, Color)],
        log: bool,
    ) {
        // what a logarithm cannot show is left out
        let log = log && lines.iter().flat_map(|line| &line.1).all(|point| point.1 > 0.0);
        let lines: Vec<(&str, Points, Color)> = lines
            .iter()
            .filter(|line| !line.1.is_empty())
            .map(|(name, points, colour)| {
                let height = |y: f64| if log { y.log10() } else { y };
                (*name, points.iter().map(|(x, y)| (*x, height(*y))).collect(), *colour)
            })
            .collect();
        let scale = if log { ", logarithmic" } else { "" };
        let frame_of = Block::bordered().title(format!(" {title}{scale} ")).border_style(self.dim());
        if lines.is_empty() {
            return frame.render_widget(frame_of, area);
        }
        let xs = range(lines.iter().flat_map(|line| &line.1).map(|point| point.0));
        let ys = range(lines.iter().flat_map(|line| &line.1).map(|point| point.1));
        let height = |y: f64| significant(if log { 10f64.powf(y) } else { y }, 3);
        let middle = 0.5 * (ys[0] + ys[1]);
        let several = lines.len() > 1;
        let datasets = lines
            .iter()
            .map(|(name, points, colour)| {
                let line = Dataset::default()
                    .marker(Marker::Braille)
                    .graph_type(GraphType::Line)
                    .style(self.style(*colour))
                    .data(points);
                if several { line.name(*name) } else { line }
            })
            .collect();
        let x_axis = Axis::default()
            .bounds(xs)
            .labels(xs.map(|x| if x.fract() == 0.0 { format!("{x}") } else { significant(x, 2) }))
            .style(self.dim());
        let y_axis = Axis::default()
            .bounds(ys)
            .labels([height(ys[0]), height(middle), height(ys[1])])
            .style(self.dim());
        frame.render_widget(Chart::new(datasets).block(frame_of).x_axis(x_axis).y_axis(y_axis), area);
    }

    fn layers(&self, frame: &mut Frame<'_>, area: Rect) {
        let block = Block::bordered().title(" gradients ").border_style(self.dim());
        let room = usize::from(area.height.saturating_sub(3));
        let fit = match self.layers.len() > room {
            true => room.saturating_sub(1),
            false => room,
        };
        let mut rows: Vec<Row<'_>> = self.layers.iter().take(fit).map(|layer| self.layer(layer)).collect();
        if self.layers.len() > fit && room > 0 {
            rows.push(Row::new([format!("and {} more", self.layers.len() - fit)]).style(self.dim()));
        }
        let name =
            self.layers.iter().map(|layer| layer.now.name.chars().count()).max().unwrap_or(0).clamp(6, 24);
        let widths = [
            Constraint::Length(name as u16),
            Constraint::Length(7),
            Constraint::Length(SPARK as u16),
            Constraint::Length(7),
            Constraint::Min(8),
        ];
        let head = Row::new(["tensor", "norm", "over time", "update", ""]).style(self.dim());
        frame.render_widget(Table::new(rows, widths).header(head).block(block), area);
    }

    fn layer<'a>(&self, layer: &'a Layer) -> Row<'a> {
        let now = &layer.now;
        let update = now.update_ratio.map(|ratio| format!("{} %", significant(100.0 * ratio, 2)));
        let mut wrong = Vec::new();
        let steps = self.step.map_or(0, |step| step.step);
        for (word, n) in [("exploded", now.exploded), ("vanished", now.vanished)] {
            if is_often(n, steps) {
                wrong.push(format!("{word} {n}×"));
            }
        }
        Row::new([
            Cell::new(shown(&now.name).to_string()),
            Cell::new(significant(now.gradient_norm, 3)),
            Cell::new(sparkline(&layer.norms, SPARK)).style(self.style(Color::Cyan)),
            Cell::new(update.unwrap_or_default()),
            Cell::new(wrong.join(", ")).style(self.style(Color::Yellow)),
        ])
    }
}

/// As many points as a terminal shows: of each stretch the last.
fn thinned(points: &[(f64, f64)]) -> Points {
    let n = points.len().min(MOST_POINTS);
    (1..=n).map(|at| points[at * points.len() / n - 1]).collect()
}

/// From the lowest to the highest, and never nothing in between.
fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let [low, high] =
        values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| [low.min(v), high.max(v)]);
    match high > low {
        true => [low, high],
        false => [low - 0.5 * low.abs().max(1e-9), high + 0.5 * high.abs().max(1e-9)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    /// A run in the middle.
    fn view(epochs: u64, layers: usize, run: &str) -> View {
        let start = Start {
            run: run.into(),
            task: "classes",
            model: "mlp 64 → 128 → 64 → 10, relu".into(),
            optimizer: "adamw lr 0.003".into(),
            parameters: 17_226,
            rows: [1078, 359, 360],
            features: 64,
            batch: 32,
            step: 0,
            epochs: 40,
            steps_per_epoch: 34,
            metric: "accuracy",
        };
        let mut view = View::new(&start, true);
        view.keys = true;
        let step = |step: u64| StepDone {
            step,
            epoch: step / 34 + 1,
            loss: 2.0 / (1.0 + step as f64),
            lr: 0.003,
            samples_per_second: 32_248.0,
            seconds_left: 12.0,
        };
        (1..20).for_each(|at| view.step(&step(at)));
        for epoch in 1..=epochs {
            let x = epoch as f64;
            view.epoch(&EpochDone {
                epoch,
                step: 34 * epoch,
                seconds: x,
                lr: 0.003 / x,
                train_loss: 2.0 / x,
                validation_loss: Some(f64::NAN),
                validation_metric: Some(1.0 - 1.0 / x),
                validation_capped: Some(2.2 / x),
                gradient_norm: 0.5,
                clipped: 0.0,
                skipped: 0,
                samples_per_second: 32_248.0,
                best: epoch < 7,
                layers: (0..layers)
                    .map(|at| LayerDone {
                        name: format!("hidden.{at}.weight"),
                        gradient_norm: if at == 0 { f64::NAN } else { 0.5 / x },
                        update_ratio: Some(0.0123),
                        exploded: if at == 1 { 40 } else { 1 },
                        vanished: 0,
                    })
                    .collect(),
            });
            view.step(&step(34 * epoch + 1));
        }
        view
    }

    fn drawn(view: &View, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let lines = buffer.content().chunks(usize::from(width).max(1));
        lines.map(|line| line.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() + "\n").collect()
    }

    #[test]
    fn every_terminal_is_large_enough() {
        for (epochs, layers) in [(0, 0), (1, 6), (12, 6), (3000, 40)] {
            let mut view = view(epochs, layers, "runs/digits-0001");
            view.log = epochs == 12;
            for width in [1, 2, 10, 40, 69, 70, 80, 200] {
                for height in [1, 2, 3, 4, 5, 10, 16, 17, 18, 24, 60] {
                    drawn(&view, width, height);
                }
            }
        }
    }

    #[test]
    fn a_screen_shows_what_matters() {
        let text = drawn(&view(12, 6, "runs/digits-0001"), 100, 36);
        for part in [
            "runs/digits-0001",
            "mlp 64 → 128 → 64 → 10, relu, 17226 parameters; adamw lr 0.003; batches of 32",
            "epoch 13/40",
            "12 s left",
            "loss, best at epoch 6",
            "validation accuracy 0.9167",
            "learning rate 0.003",
            "hidden.5.weight",
            "1.2 %",
            "exploded 40×",
            "q saves and stops",
        ] {
            assert!(text.contains(part), "{part}:\n{text}");
        }
        let narrow = drawn(&view(12, 6, "runs/digits-0001"), 40, 12);
        assert!(narrow.contains("epoch 13/40") && narrow.contains("loss, best"), "{narrow}");
        assert_eq!(text.matches("exploded").count(), 1, "one of 409 steps is none: {text}");
        let low = drawn(&view(12, 40, "runs/digits-0001"), 100, 20);
        assert!(low.contains("more"), "{low}");
    }

    #[test]
    fn hostile_names_stay_in_their_place() {
        let mut view = view(3, 2, "runs/\u{1b}[2J\u{202e}x\n");
        view.layers[0].now.name = "\u{1b}]0;t\u{7}".into();
        view.message = Some("note \u{1b}[31m\r\u{8}".into());
        let text = drawn(&view, 120, 30);
        let unseen = |c: char| c != '\n' && steepest_data::is_unseen(c);
        assert!(!text.chars().any(unseen), "{text}");
    }
}
