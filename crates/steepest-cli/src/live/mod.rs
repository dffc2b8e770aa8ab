//! `--live`: a full screen of how training goes.

mod screen;
pub mod terminal;

use crate::output::{Paint, say};
use crossterm::event::{self, Event as Typed, KeyCode, KeyEventKind};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use screen::View;
use std::io::{self, Stderr};
use std::time::{Duration, Instant};
use steepest_train::{EpochDone, Start, StepDone};

/// No eye reads more pictures than ten a second, and each costs the training a millisecond.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// The full screen, from its opening to its closing.
pub struct Live {
    terminal: Terminal<CrosstermBackend<Stderr>>,
    view: View,
    /// Lines that are said when the screen is closed.
    held: Vec<String>,
    drawn: Option<Instant>,
}

/// What somebody typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Nothing,
    /// To save the run and to end it.
    Stop,
}

impl Live {
    /// Opens the screen.
    ///
    /// # Errors
    /// What the terminal says; then it is as it was.
    pub fn open(start: &Start, paint: Paint) -> io::Result<Self> {
        let mut view = View::new(start, paint.is_on());
        view.keys = terminal::has_keys();
        terminal::take().inspect_err(|_| terminal::give_back())?;
        match Terminal::new(CrosstermBackend::new(io::stderr())) {
            Ok(terminal) => Ok(Self { terminal, view, held: Vec::new(), drawn: None }),
            Err(error) => {
                terminal::give_back();
                Err(error)
            }
        }
    }

    /// Some steps are done.
    pub fn step(&mut self, done: &StepDone) -> Asked {
        self.view.step(done);
        if self.drawn.is_some_and(|at| at.elapsed() < DRAW_EVERY) {
            return Asked::Nothing;
        }
        let asked = self.typed();
        self.draw();
        asked
    }

    /// An epoch is done.
    pub fn epoch(&mut self, done: &EpochDone) {
        self.view.epoch(done);
    }

    /// A line that the screen shows now and the terminal keeps.
    pub fn say(&mut self, line: &str, plain: &str) {
        if !terminal::is_taken() {
            return say(line);
        }
        self.held.push(line.to_owned());
        self.view.message = Some(plain.to_owned());
        self.draw();
    }

    /// Draws now.
    fn draw(&mut self) {
        let _writing = terminal::writing();
        // somebody has given it back: a panic on another thread, which training may survive
        if !terminal::is_taken() {
            return;
        }
        if terminal::was_away() {
            let _ = self.terminal.clear();
        }
        let view = &self.view;
        let _ = self.terminal.draw(|frame| view.draw(frame));
        self.drawn = Some(Instant::now());
    }

    /// What was typed since it was last asked.
    fn typed(&mut self) -> Asked {
        let mut asked = Asked::Nothing;
        while self.view.keys && terminal::is_taken() && event::poll(Duration::ZERO).unwrap_or(false) {
            match event::read() {
                Ok(Typed::Key(key)) if key.kind != KeyEventKind::Release => match key.code {
                    KeyCode::Char('q' | 'Q') => asked = Asked::Stop,
                    KeyCode::Char('l' | 'L') => self.view.log = !self.view.log,
                    _ => {}
                },
                Ok(_) => {}
                // it ends here: no key comes any more
                Err(_) => self.view.keys = false,
            }
        }
        asked
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        terminal::give_back();
        self.held.drain(..).for_each(|line| say(&line));
    }
}
