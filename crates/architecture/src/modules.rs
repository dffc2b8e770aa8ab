//! The modules of a crate, and where the names in them are defined.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::tokens::{self, Token};

use Token::{Attribute, Group, Mark, Separator, Word};

/// What a name stands for. The numbers are those of files and modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// An item (or something in one) that this file defines.
    Item(usize),
    /// A macro that this file defines.
    Macro(usize),
    Module(usize),
    /// A name that is not found in a module, which lies in this file.
    Unknown(usize),
}

/// One file, or one `mod name { .. }` in it.
#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) file: usize,
    pub(crate) parent: Option<usize>,
    /// Its code, without child modules.
    pub(crate) tokens: Vec<Token>,
    names: HashMap<String, Vec<Name>>,
    /// The paths of `use path::*`.
    globs: Vec<Vec<String>>,
    /// The files of the macros that can be called by their bare name, but for those of parents.
    macros: HashMap<String, usize>,
    /// The names that a `pub use` brought.
    reexports: BTreeSet<String>,
}

#[derive(Debug)]
enum Name {
    Item,
    Module(usize),
    Use(Vec<String>),
}

/// A crate: its files and its modules.
#[derive(Debug, Default)]
pub(crate) struct Modules {
    pub(crate) files: Vec<String>,
    pub(crate) modules: Vec<Module>,
}

const KEYWORDS_OF_ITEMS: [&str; 8] = ["fn", "struct", "enum", "union", "trait", "type", "const", "static"];

impl Modules {
    /// Reads the modules of all programs and libraries among some files, given by their paths under `src`.
    pub(crate) fn read(sources: &BTreeMap<String, String>) -> Result<Self, String> {
        let mut crates = Self::default();
        for path in sources.keys() {
            if ["lib.rs", "main.rs"].contains(&path.as_str()) || path.starts_with("bin/") {
                let folder = path.rfind('/').map_or("", |slash| &path[..=slash]);
                crates.add_file(sources, path, folder, None)?;
            }
        }
        Ok(crates)
    }

    fn add_file(
        &mut self,
        sources: &BTreeMap<String, String>,
        path: &str,
        folder: &str,
        parent: Option<usize>,
    ) -> Result<usize, String> {
        let tokens = tokens::read(&sources[path]).map_err(|error| format!("{path}: {error}"))?;
        let file = self.files.iter().position(|known| known == path).unwrap_or_else(|| {
            self.files.push(path.to_owned());
            self.files.len() - 1
        });
        self.add_module(sources, file, folder, parent, &tokens)
    }

    /// `folder` is where the files of child modules lie, with a slash at its end.
    fn add_module(
        &mut self,
        sources: &BTreeMap<String, String>,
        file: usize,
        folder: &str,
        parent: Option<usize>,
        tokens: &[Token],
    ) -> Result<usize, String> {
        let id = self.modules.len();
        self.modules.push(Module { file, parent, ..Module::default() });
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let (name, child) = match &tokens[at..] {
                [word, Word(name), Mark(';'), ..] if word.is_word("mod") => {
                    let places = [format!("{folder}{name}.rs"), format!("{folder}{name}/mod.rs")];
                    let path = places.iter().find(|path| sources.contains_key(*path));
                    let path = path
                        .ok_or_else(|| format!("`mod {name};`: neither {} nor {}", places[0], places[1]))?;
                    (name, self.add_file(sources, path, &format!("{folder}{name}/"), Some(id))?)
                }
                [word, Word(name), Group('{', inside), ..] if word.is_word("mod") => {
                    (name, self.add_module(sources, file, &format!("{folder}{name}/"), Some(id), inside)?)
                }
                _ => {
                    self.modules[id].tokens.push(token.clone());
                    at += 1;
                    continue;
                }
            };
            self.modules[id].names.entry(name.clone()).or_default().push(Name::Module(child));
            if has_attribute(&self.modules[id].tokens, "macro_use") {
                let macros = self.modules[child].macros.clone();
                self.modules[id].macros.extend(macros);
            }
            // so that its attributes are not taken for those of what comes next
            self.modules[id].tokens.push(Mark(';'));
            at += 3;
        }
        let own = std::mem::take(&mut self.modules[id].tokens);
        self.add_items(id, &own);
        self.add_uses(id, &own);
        self.modules[id].tokens = own;
        Ok(id)
    }

    /// The items among tokens, also among those that are passed to a macro, which may define them.
    fn add_items(&mut self, id: usize, tokens: &[Token]) {
        for at in 0..tokens.len() {
            match &tokens[at..] {
                [word, Mark('!'), Word(name), Group(..), ..] if word.is_word("macro_rules") => {
                    let file = self.modules[id].file;
                    self.modules[id].macros.insert(name.clone(), file);
                    if has_attribute(&tokens[..at], "macro_export") {
                        let root = self.root(id);
                        self.modules[root].macros.insert(name.clone(), file);
                    }
                }
                [Word(_), Mark('!'), Group(_, passed), ..] => self.add_items(id, passed),
                [Word(keyword), rest @ ..] if KEYWORDS_OF_ITEMS.contains(&keyword.as_str()) => {
                    let rest =
                        if rest.first().is_some_and(|word| word.is_word("mut")) { &rest[1..] } else { rest };
                    if let Some(Word(name)) = rest.first() {
                        self.modules[id].names.entry(name.clone()).or_default().push(Name::Item);
                    }
                }
                _ => {}
            }
        }
    }

    /// The `use` lines, also those inside functions, as if they stood outside.
    fn add_uses(&mut self, id: usize, tokens: &[Token]) {
        let module = &mut self.modules[id];
        for at in 0..tokens.len() {
            if !tokens[at].is_word("use") {
                continue;
            }
            let visible = is_visible(&tokens[..at]);
            for Use { path, name } in uses(&tokens[at + 1..]) {
                match name {
                    Bound::All => module.globs.push(path),
                    Bound::Nothing => {}
                    Bound::Name(name) => {
                        if visible {
                            module.reexports.insert(name.clone());
                        }
                        module.names.entry(name).or_default().push(Name::Use(path));
                    }
                }
            }
        }
        for token in tokens {
            if let Group(_, inside) = token {
                self.add_uses(id, inside);
            }
        }
    }

    fn root(&self, mut id: usize) -> usize {
        while let Some(parent) = self.modules[id].parent {
            id = parent;
        }
        id
    }

    /// What a name means in a module.
    pub(crate) fn look_up(&self, id: usize, name: &str) -> Vec<Target> {
        self.look(id, name, &mut Vec::new())
    }

    /// What a path means in a module; nothing where it leads to another crate.
    pub(crate) fn follow(&self, id: usize, path: &[String]) -> Vec<Target> {
        self.walk(id, path, &mut Vec::new())
    }

    /// The macro that a bare `name!` calls, as far as it is defined with `macro_rules!` in a parent.
    pub(crate) fn macro_of_parents(&self, id: usize, name: &str) -> Option<Target> {
        let mut next = Some(id);
        while let Some(id) = next {
            if let Some(&file) = self.modules[id].macros.get(name) {
                return Some(Target::Macro(file));
            }
            next = self.modules[id].parent;
        }
        None
    }

    /// Whether a module has this name from a `pub use` or from a glob, so that no private `use` line speaks
    /// for it.
    pub(crate) fn is_indirect(&self, id: usize, name: &str) -> bool {
        let module = &self.modules[id];
        module.reexports.contains(name) || !module.names.contains_key(name)
    }

    /// `open` are the names that are being looked up, so that re-exports in a circle end.
    fn look<'a>(&'a self, id: usize, name: &'a str, open: &mut Vec<(usize, &'a str)>) -> Vec<Target> {
        if open.contains(&(id, name)) {
            return Vec::new();
        }
        open.push((id, name));
        let module = &self.modules[id];
        let mut found: Vec<Target> =
            module.macros.get(name).map(|&file| Target::Macro(file)).into_iter().collect();
        for name in module.names.get(name).into_iter().flatten() {
            match name {
                Name::Item => found.push(Target::Item(module.file)),
                Name::Module(child) => found.push(Target::Module(*child)),
                Name::Use(path) => found.extend(self.walk(id, path, open)),
            }
        }
        if found.is_empty() {
            for path in &module.globs {
                for target in self.walk(id, path, open) {
                    if let Target::Module(module) = target {
                        found.extend(self.look(module, name, open));
                    }
                }
            }
        }
        open.pop();
        found.sort_unstable();
        found.dedup();
        found
    }

    fn walk<'a>(&'a self, id: usize, path: &'a [String], open: &mut Vec<(usize, &'a str)>) -> Vec<Target> {
        let Some((first, rest)) = path.split_first() else {
            return Vec::new();
        };
        let mut step = |id: usize, name: &'a str| match name {
            "crate" => vec![Target::Module(self.root(id))],
            "self" => vec![Target::Module(id)],
            "super" => self.modules[id].parent.map(Target::Module).into_iter().collect(),
            name => self.look(id, name, open),
        };
        let mut reached = step(id, first);
        for name in rest {
            let modules = reached.iter().filter_map(|target| match target {
                Target::Module(module) => Some(*module),
                _ => None,
            });
            let modules: Vec<usize> = modules.collect();
            let next: Vec<Target> = modules.iter().flat_map(|&module| step(module, name)).collect();
            if next.is_empty() {
                // a name in an item, such as a variant; or one that nobody here defined
                reached.retain(|target| matches!(target, Target::Item(_) | Target::Unknown(_)));
                if let ([], [module, ..]) = (&reached[..], &modules[..]) {
                    reached.push(Target::Unknown(self.modules[*module].file));
                }
                return reached;
            }
            reached = next;
        }
        reached
    }
}

/// Whether one of the attributes at the end of these tokens, before a visibility, is called so.
fn has_attribute(tokens: &[Token], name: &str) -> bool {
    let tokens = &tokens[..tokens.len() - length_of_visibility(tokens)];
    tokens
        .iter()
        .rev()
        .map_while(|token| if let Attribute(inside) = token { Some(inside) } else { None })
        .any(|inside| inside.first().is_some_and(|word| word.is_word(name)))
}

/// Whether these tokens end with `pub` or `pub(..)`.
pub(crate) fn is_visible(tokens: &[Token]) -> bool {
    length_of_visibility(tokens) > 0
}

fn length_of_visibility(tokens: &[Token]) -> usize {
    match tokens {
        [.., word] if word.is_word("pub") => 1,
        [.., word, Group('(', _)] if word.is_word("pub") => 2,
        _ => 0,
    }
}

/// One name that a `use` line brings.
#[derive(Debug)]
pub(crate) struct Use {
    pub(crate) path: Vec<String>,
    pub(crate) name: Bound,
}

/// What a `use` makes of its path.
#[derive(Debug)]
pub(crate) enum Bound {
    Name(String),
    /// `*`
    All,
    /// `as _`
    Nothing,
}

/// What the `use` line brings whose tokens begin after the `use`.
pub(crate) fn uses(tokens: &[Token]) -> Vec<Use> {
    let mut found = Vec::new();
    add_branch(tokens, &[], &mut found);
    found
}

fn add_branch(tokens: &[Token], before: &[String], found: &mut Vec<Use>) {
    let mut path = before.to_vec();
    let mut rest = tokens;
    loop {
        rest = match rest {
            // `$crate`
            [Mark('$'), rest @ ..] => rest,
            [Word(word), Separator, rest @ ..] => {
                path.push(word.clone());
                rest
            }
            [Group('{', branches), ..] => {
                return branches
                    .split(|token| *token == Mark(','))
                    .for_each(|branch| add_branch(branch, &path, found));
            }
            [Mark('*'), ..] => return found.push(Use { path, name: Bound::All }),
            [Word(word), rest @ ..] => {
                if word != "self" || path.is_empty() {
                    path.push(word.clone());
                }
                let name = match rest {
                    [word, Word(name), ..] if word.is_word("as") && name == "_" => Bound::Nothing,
                    [word, Word(name), ..] if word.is_word("as") => Bound::Name(name.clone()),
                    _ => Bound::Name(path.last().cloned().unwrap_or_default()),
                };
                return found.push(Use { path, name });
            }
            // another crate by `::name`, or the `use<..>` of a type
            _ => return,
        }
    }
}
