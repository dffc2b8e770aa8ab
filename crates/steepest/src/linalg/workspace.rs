//! Memory for a step, so that a step allocates nothing.
//!
//! What a routine needs is taken piece by piece from a [`Workspace`], in one function; [`Request::of`] runs
//! that same function to find out how much it takes. So a request and what is taken cannot differ.

use super::PANEL;
use crate::float::Float;

/// `len` rounded up to whole panels: every piece of a workspace begins on a cache line.
const fn padded(len: usize) -> usize {
    len.div_ceil(PANEL) * PANEL
}

/// How much memory a routine needs, in numbers of the type that its [`Workspace`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    len: usize,
}

impl Request {
    /// What `take` takes. It gets empty slices for all that it asks for, so it must take and do nothing else.
    pub fn of<'a, T: 'a, P>(take: impl FnOnce(&mut Workspace<'a, T>) -> P) -> Self {
        let mut workspace = Workspace { rest: None, taken: 0 };
        take(&mut workspace);
        Self { len: workspace.taken }
    }

    /// How many numbers, a whole number of panels.
    pub fn len(self) -> usize {
        self.len
    }

    /// Whether nothing is needed.
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// Memory that is handed out piece by piece; the pieces hold whatever was left there.
#[derive(Debug)]
pub struct Workspace<'a, T> {
    /// What has not been handed out; without it, what would be is counted.
    rest: Option<&'a mut [T]>,
    taken: usize,
}

impl<'a, T> Workspace<'a, T> {
    /// All of `memory`.
    pub fn new(memory: &'a mut [T]) -> Self {
        Self { rest: Some(memory), taken: 0 }
    }

    /// The next `len` numbers.
    ///
    /// # Panics
    /// If fewer are left.
    pub fn take(&mut self, len: usize) -> &'a mut [T] {
        let padded = padded(len);
        self.taken += padded;
        let Some(rest) = self.rest.take() else { return &mut [] };
        assert!(
            padded <= rest.len(),
            "{padded} numbers of workspace were asked for, but only {} of {} are left; give as many as the \
             routine's request says",
            rest.len(),
            self.taken - padded + rest.len()
        );
        let (piece, rest) = rest.split_at_mut(padded);
        self.rest = Some(rest);
        &mut piece[..len]
    }

    /// The next `request`.
    ///
    /// # Panics
    /// If less is left.
    pub fn take_request(&mut self, request: Request) -> &'a mut [T] {
        self.take(request.len)
    }

    /// The next `request` for routines that compute in f64 whatever `T` is.
    ///
    /// # Panics
    /// If less is left.
    pub fn take_wide(&mut self, request: Request) -> &'a mut [f64]
    where
        T: Float,
    {
        let piece = self.take(request.len * (size_of::<f64>() / size_of::<T>()));
        // an empty slice need not lie where f64 may
        if piece.is_empty() { &mut [] } else { bytemuck::cast_slice_mut(piece) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two pieces, and one of f64.
    fn pieces<'a>(workspace: &mut Workspace<'a, f32>) -> (&'a mut [f32], &'a mut [f64], &'a mut [f32]) {
        let wide = Request::of::<f64, _>(|workspace| workspace.take(3));
        (workspace.take(5), workspace.take_wide(wide), workspace.take(PANEL + 1))
    }

    #[test]
    fn a_request_is_what_is_taken() {
        let request = Request::of(pieces);
        assert_eq!(request.len(), (1 + 2 + 2) * PANEL);
        let mut memory = bytemuck::allocation::zeroed_vec::<f64>(request.len() / 2);
        let mut workspace = Workspace::new(bytemuck::cast_slice_mut(&mut memory));
        let (a, b, c) = pieces(&mut workspace);
        assert_eq!((a.len(), b.len(), c.len()), (5, PANEL, PANEL + 1));
        assert_eq!(workspace.rest.map(|rest| rest.len()), Some(0));
    }

    #[test]
    #[should_panic(expected = "16 numbers of workspace were asked for, but only 8 of 24 are left")]
    fn too_little_is_said() {
        let mut memory = [0.0f32; 24];
        let mut workspace = Workspace::new(&mut memory);
        workspace.take(9);
        workspace.take(1);
    }
}
