//! What `fit` says on stderr while it trains: a bar on a terminal, a few lines elsewhere; and
//! signals, which end a run in good order.

use crate::args::Watch;
use crate::board::Board;
use crate::hint;
use crate::line::{self, Line, rate};
use crate::live::{Asked, Live, terminal};
use crate::output::{Failure, Paint, behind, columns, count, quoted, say, short, significant};
use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::{consts, flag};
use std::cell::Cell;
use std::collections::HashSet;
use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use steepest_train::choose::Chosen;
use steepest_train::{Choosing, EpochDone, Event, Observer, Start, StepDone, Stopped, Summary};

/// Lines for a whole run where there is no terminal.
const LINES: u64 = 20;
/// Lines of notes; the run directory has them all.
const MOST_NOTES: usize = 10;

/// Listens to a run and shows it.
pub struct Reporter {
    paint: Paint,
    quiet: bool,
    /// Whether a full screen was asked for, and can be had.
    wants_live: bool,
    live: Option<Live>,
    /// On a terminal, from the start of training on.
    bar: Option<ProgressBar>,
    start: Option<Start>,
    told: HashSet<String>,
    /// The validation metric of the last epoch.
    metric: Option<f64>,
    /// What is drawn as a curve: the validation loss of each epoch, or its training loss.
    curve: Vec<f64>,
    /// Columns of the terminal when the line was drawn last, and how many of them it took.
    drawn: Cell<(usize, usize)>,
    /// The last epoch, where no line was printed for it.
    untold: Option<EpochDone>,
    stopped: Option<Stopped>,
    chosen: Option<Chosen>,
    told_of_signal: bool,
    interrupt: Interrupt,
    board: Board,
}

impl Reporter {
    pub fn new(watch: Watch) -> Self {
        // with JSON on stdout a program reads
        let wants_live = watch.live && !watch.quiet && !watch.json && draws();
        Self {
            board: Board::new(watch.tensorboard),
            paint: Paint::stderr(),
            quiet: watch.quiet,
            wants_live,
            live: None,
            bar: None,
            start: None,
            told: HashSet::new(),
            metric: None,
            curve: Vec::new(),
            drawn: Cell::new((0, 0)),
            untold: None,
            stopped: None,
            chosen: None,
            told_of_signal: false,
            interrupt: Interrupt::install(wants_live),
        }
    }

    /// Why training ended, once it has.
    pub fn stopped(&self) -> Option<&Stopped> {
        self.stopped.as_ref()
    }

    /// What was chosen before the run, if anything was.
    pub fn chosen(&self) -> Option<&Chosen> {
        self.chosen.as_ref()
    }

    /// What is to be done when the run's scores are known.
    pub fn end(&mut self, summary: &Summary) {
        let failed = self.stopped().is_some_and(Stopped::is_failure);
        if let Some(problem) = self.board.end(summary, failed) {
            self.note(&problem);
        }
    }

    /// The number of the signal that stopped the run; that of Ctrl-C where it was none.
    pub fn signal(&self) -> u8 {
        match self.interrupt.asked() {
            0 => consts::SIGINT as u8,
            signal => signal,
        }
    }

    fn note(&mut self, note: &str) {
        // the reader and the encoder may come to the same conclusion
        if self.told.insert(note.to_owned()) && self.told.len() <= MOST_NOTES {
            let note = format!("note: {}", hint::note(note));
            let wrapped = behind("note: ", note["note: ".len()..].split(' '));
            self.announce(&self.paint.dim(&wrapped), &note);
        }
    }

    /// What is to be seen at once, also on a full screen: `plain` is the same without line breaks and colours.
    fn announce(&mut self, line: &str, plain: &str) {
        match &mut self.live {
            Some(live) => live.say(line, plain),
            None => self.line(line),
        }
    }

    /// A line above the bar.
    fn line(&self, line: &str) {
        match &self.bar {
            _ if self.quiet => {}
            Some(bar) => bar.suspend(|| say(line)),
            None => say(line),
        }
    }

    fn start(&mut self, start: &Start) {
        let [train, validation, test] = start.rows;
        let rows = format!(
            "{}, {train} rows to train on, {validation} to validate, {test} to test; {}",
            start.task,
            count(start.features as u64, "feature")
        );
        let steps = count(start.steps_per_epoch, "step");
        let length = format!("at most {} of {steps}", count(start.epochs, "epoch"));
        let network = format!("{}, {}", start.model, count(start.parameters as u64, "parameter"));
        for (what, text) in [
            ("data", rows),
            ("network", network),
            ("optimizer", start.optimizer.clone()),
            ("training", format!("batches of {}, {length}", start.batch)),
            ("run", start.run.display().to_string()),
        ] {
            // a path is copied: it stays on one line
            let words: Vec<&str> = if what == "run" { vec![&text] } else { text.split(' ').collect() };
            let head = format!("{what:<9}  ");
            self.line(&behind(&head, words).replacen(&head, &self.paint.dim(&head), 1));
        }
        if self.told.len() > MOST_NOTES {
            let more = format!("and {} more, all in", self.told.len() - MOST_NOTES);
            let notes = format!("{}/notes.txt", start.run.display());
            self.line(&self.paint.dim(&behind("note: ", more.split(' ').chain([notes.as_str()]))));
        }
        self.start = Some(start.clone());
        self.interrupt.training();
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if self.wants_live {
            match Live::open(start, self.paint) {
                Ok(live) => self.live = Some(live),
                Err(error) => self.line(&format!("note: no full screen: {error}")),
            }
        }
        if !self.quiet && draws() && self.live.is_none() {
            self.bar = Some(empty_bar());
        }
    }

    /// A line of how far the choice of a learning rate is, where there is a terminal.
    fn choosing(&mut self, choosing: &Choosing) {
        self.interrupt.training();
        if self.quiet || !draws() {
            return;
        }
        let compared = count(choosing.compared as u64, "training");
        let text = format!("choosing: {compared} compared");
        let room = columns(&Term::stderr()).unwrap_or(80).saturating_sub(1);
        let cells = room.saturating_sub(text.chars().count() + 2).min(20);
        let text: String = text.chars().take(room).collect();
        let bar = self.bar.get_or_insert_with(empty_bar);
        bar.set_message(format!("{text}  {}", self.paint.accent(&line::bar(choosing.done, cells))));
        bar.tick();
    }

    /// What an error means for whoever watches: that a choice was stopped is what was asked for.
    pub fn failure(&mut self, error: steepest_train::Error) -> Failure {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.live = None;
        match &error {
            steepest_train::Error::Stopped => Failure::Interrupted(self.signal()),
            steepest_train::Error::ChoosingStopped { run, .. }
            | steepest_train::Error::ComparingStopped { run, .. } => {
                let resume = format!("steepest resume {}", quoted(&run.to_string_lossy()));
                say(&format!("{error} ({resume})"));
                Failure::Interrupted(self.signal())
            }
            _ => error.into(),
        }
    }

    fn step(&mut self, done: &StepDone) {
        if let Some(live) = &mut self.live {
            if live.step(done) == Asked::Stop {
                self.interrupt.ask();
            }
            return;
        }
        let (Some(bar), Some(start)) = (&self.bar, &self.start) else { return };
        let columns = usize::from(Term::stderr().size_checked().map_or(80, |(_, columns)| columns));
        let (before, length) = self.drawn.get();
        if before > columns && length > columns {
            // a narrower terminal has broken the line: all its rows have to go
            let rows = length.div_ceil(columns.max(1)) - 1;
            bar.suspend(|| {
                let _ = Term::stderr().clear_last_lines(rows);
            });
        }
        let steps = start.epochs.saturating_mul(start.steps_per_epoch).max(1);
        let line = Line {
            epoch: done.epoch,
            epochs: start.epochs,
            done: done.step as f64 / steps as f64,
            loss: done.loss,
            metric: self.metric.map(|value| (start.metric, value)),
            curve: &self.curve,
            lr: done.lr,
            rows_per_second: done.samples_per_second,
            seconds_left: done.seconds_left,
        };
        self.drawn.set((columns, line.text(columns, Paint::plain()).chars().count()));
        bar.set_message(line.text(columns, self.paint));
        bar.tick();
    }

    fn epoch(&mut self, done: &EpochDone) {
        let Some(start) = &self.start else { return };
        self.metric = done.validation_metric.or(self.metric);
        self.curve.push(done.validation_capped.or(done.validation_loss).unwrap_or(done.train_loss));
        if let Some(live) = &mut self.live {
            return live.epoch(done);
        }
        if self.bar.is_some() {
            return;
        }
        let every = start.epochs.div_ceil(LINES).max(1);
        if done.epoch == 1 || done.epoch.is_multiple_of(every) {
            self.line(&self.epoch_line(done));
            self.untold = None;
        } else {
            self.untold = Some(done.clone());
        }
    }

    fn epoch_line(&self, done: &EpochDone) -> String {
        let (epochs, metric) = self.start.as_ref().map_or((0, ""), |start| (start.epochs, start.metric));
        let width = epochs.to_string().len();
        let mut line =
            format!("epoch {:>width$}/{epochs}  loss {:>9}", done.epoch, significant(done.train_loss, 4));
        // what decides is shown where it is another number
        let capped = done.validation_capped.filter(|capped| {
            done.validation_loss.is_some_and(|loss| (loss - capped).abs() > 1e-3 * loss.abs())
        });
        for (what, value) in
            [("validation loss", done.validation_loss), ("capped", capped), (metric, done.validation_metric)]
        {
            if let Some(value) = value {
                line += &format!("  {what} {:>9}", significant(value, 4));
            }
        }
        line += &format!("  lr {:>9}  {:>6} rows/s", short(done.lr), rate(done.samples_per_second));
        if done.skipped > 0 {
            line += &format!("  {} skipped", count(done.skipped, "step"));
        }
        line
    }

    fn stop(&mut self, reason: &Stopped) {
        // the terminal is as it was from here on
        self.live = None;
        if let Some(last) = self.untold.take() {
            self.line(&self.epoch_line(&last));
        }
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        self.stopped = Some(reason.clone());
    }
}

impl Observer for Reporter {
    fn wants_weights(&self) -> bool {
        self.board.is_on()
    }

    fn observe(&mut self, event: &Event) -> ControlFlow<()> {
        if let Some(problem) = self.board.observe(event) {
            self.note(&problem);
        }
        match event {
            Event::Note(note) => self.note(note),
            Event::Choosing(choosing) => self.choosing(choosing),
            Event::Chosen(chosen) => self.chosen = Some(chosen.clone()),
            Event::Start(start) => self.start(start),
            Event::Step(done) => self.step(done),
            Event::Epoch(done) => self.epoch(done),
            Event::Stop { reason, .. } => self.stop(reason),
            // what a later version tells is no matter to this one
            _ => {}
        }
        if self.interrupt.asked() == 0 {
            return ControlFlow::Continue(());
        }
        if !self.told_of_signal {
            self.told_of_signal = true;
            let told = "saving the run and stopping after this step; once more ends at once";
            self.announce(&behind("", told.split(' ')), told);
        }
        ControlFlow::Break(())
    }
}

/// A line that is drawn anew.
fn empty_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    // the line is made by us, for only here is known what of it matters
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        bar.set_style(style);
    }
    bar
}

/// Whether stderr is a terminal that can draw a line anew.
fn draws() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|value| value == "dumb" || value.is_empty());
    std::io::stderr().is_terminal() && !dumb
}

/// What a signal to end does: before training, and the second time, it ends the program; the first time in training, it
/// asks the run to save itself and to end.
#[derive(Debug, Clone)]
pub struct Interrupt {
    /// The number of the first signal that came in training; 0 before.
    signal: Arc<AtomicUsize>,
    /// Whether the next signal ends the program.
    armed: Arc<AtomicBool>,
}

impl Interrupt {
    /// With a full screen the second signal ends the program only when the terminal is given back.
    fn install(live: bool) -> Self {
        let (signal, armed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
        for number in SIGNALS {
            // where there are no such signals, they do what they always did
            let _ = flag::register_conditional_shutdown(number, 128 + number, Arc::clone(&armed));
            let _ = flag::register_usize(number, Arc::clone(&signal), number.unsigned_abs() as usize);
            if !live {
                let _ = flag::register(number, Arc::clone(&armed));
            }
        }
        if live {
            terminal::watch(&SIGNALS);
        }
        Self { signal, armed }
    }

    fn training(&self) {
        self.armed.store(false, Ordering::SeqCst);
    }

    /// What the first Ctrl-C does.
    fn ask(&self) {
        self.signal.store(consts::SIGINT.unsigned_abs() as usize, Ordering::SeqCst);
    }

    /// The number of the signal that asked to stop; 0 for none.
    fn asked(&self) -> u8 {
        self.signal.load(Ordering::SeqCst) as u8
    }
}

#[cfg(unix)]
const SIGNALS: [i32; 3] = [consts::SIGINT, consts::SIGTERM, consts::SIGHUP];
#[cfg(not(unix))]
const SIGNALS: [i32; 2] = [consts::SIGINT, consts::SIGTERM];
