//! The way from a module's root to the tensor that a traversal is at.

/// Follows `enter_module` and `exit_module`, without allocating once it has been everywhere.
#[derive(Debug, Default)]
pub(crate) struct Path {
    name: String,
    /// Length of `name` before each level, and whether the level is that of a Linear or a
    /// transposed convolution.
    levels: Vec<(usize, bool)>,
}

impl Path {
    pub(crate) fn enter(&mut self, name: &str, container: &str) {
        self.levels.push((self.name.len(), Self::stores_inputs_first(container)));
        // an enum has one variant at a time: its name tells nothing, and would stand in front of
        // every name of a model that is chosen at run time
        if !container.starts_with("Enum:") {
            if !self.name.is_empty() {
                self.name.push('.');
            }
            self.name.push_str(name);
        }
    }

    pub(crate) fn exit(&mut self) {
        if let Some((len, _)) = self.levels.pop() {
            self.name.truncate(len);
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The axis of the tensor at this place along which its units (output features) lie.
    pub(crate) fn unit_axis(&self, rank: usize) -> usize {
        let inputs_first = self.levels.last().is_some_and(|(_, inputs_first)| *inputs_first);
        usize::from(inputs_first && rank >= 2)
    }

    /// burn stores these weights as [in, out, …], all others as [out, in, …].
    fn stores_inputs_first(container: &str) -> bool {
        container == "Struct:Linear" || container.starts_with("Struct:ConvTranspose")
    }
}

/// The two methods by which a visitor or a mapper keeps its field `path`.
macro_rules! follow_path {
    () => {
        fn enter_module(&mut self, name: &str, container: &str) {
            self.path.enter(name, container);
        }
        fn exit_module(&mut self, _name: &str, _container: &str) {
            self.path.exit();
        }
    };
}
pub(crate) use follow_path;
