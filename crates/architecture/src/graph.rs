//! Which file uses names of which other, and the circles in this.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use crate::modules::{Bound, Modules, Target, Use, is_visible, uses};
use crate::tokens::{self, Token};

use Token::{Attribute, Group, Mark, Separator, Word};

/// The files of a crate, and who uses names of whom.
#[derive(Debug)]
pub struct Graph {
    files: Vec<String>,
    /// From the file that uses to the file that defines: the names, as they are written.
    edges: BTreeMap<(usize, usize), BTreeSet<String>>,
}

/// Files that can all be reached from one another.
#[derive(Debug, PartialEq)]
pub struct Circle {
    /// Their paths under `src`, sorted.
    pub files: Vec<String>,
    /// Chains of files that begin and end with the same; together they hold every edge between the files.
    pub chains: Vec<Vec<Link>>,
}

/// One edge.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The file that uses.
    pub from: String,
    /// The file that defines.
    pub to: String,
    /// The names, as they are written.
    pub names: Vec<String>,
}

impl Graph {
    /// Reads the source of a crate: the texts of the files under `src` by their paths there.
    ///
    /// # Errors
    /// A file that is not made of Rust's tokens; a `mod` line without a file.
    pub fn read(sources: &BTreeMap<String, String>) -> Result<Self, String> {
        let modules = Modules::read(sources)?;
        let mut edges = BTreeMap::new();
        for id in 0..modules.modules.len() {
            Walk { modules: &modules, id, edges: &mut edges }.tokens(&modules.modules[id].tokens, false);
        }
        Ok(Self { files: modules.files, edges })
    }

    /// The paths under `src` of the files that are not for tests alone.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(String::as_str)
    }

    /// All edges, sorted by the order in which files were read.
    pub fn links(&self) -> impl Iterator<Item = Link> + '_ {
        self.edges.keys().map(|&edge| self.link(edge))
    }

    fn link(&self, edge: (usize, usize)) -> Link {
        Link {
            from: self.files[edge.0].clone(),
            to: self.files[edge.1].clone(),
            names: self.edges[&edge].iter().cloned().collect(),
        }
    }

    /// The circles: every largest set of files that can all be reached from one another, if it has more than
    /// one.
    pub fn circles(&self) -> Vec<Circle> {
        let mut rest: BTreeSet<(usize, usize)> = self.edges.keys().copied().collect();
        let mut circles: BTreeMap<BTreeSet<usize>, Vec<Vec<Link>>> = BTreeMap::new();
        while let Some((from, to)) = rest.pop_first() {
            let Some(back) = self.way(to, from) else {
                continue;
            };
            let chain: Vec<(usize, usize)> =
                [from].iter().chain(&back).copied().zip(back.iter().copied()).collect();
            for edge in &chain {
                rest.remove(edge);
            }
            let links = chain.into_iter().map(|edge| self.link(edge)).collect();
            let within = |file: &usize| self.way(from, *file).is_some() && self.way(*file, from).is_some();
            circles.entry((0..self.files.len()).filter(within).collect()).or_default().push(links);
        }
        let circle = |(files, chains): (BTreeSet<usize>, _)| {
            let mut files: Vec<String> = files.into_iter().map(|file| self.files[file].clone()).collect();
            files.sort();
            Circle { files, chains }
        };
        circles.into_iter().map(circle).collect()
    }

    /// A shortest way along edges, both ends with it.
    fn way(&self, from: usize, to: usize) -> Option<Vec<usize>> {
        let mut came_from = BTreeMap::from([(from, from)]);
        let mut queue = VecDeque::from([from]);
        while let Some(file) = queue.pop_front() {
            if file == to {
                let mut way = vec![to];
                while way[way.len() - 1] != from {
                    way.push(came_from[&way[way.len() - 1]]);
                }
                way.reverse();
                return Some(way);
            }
            for &(_, next) in self.edges.range((file, 0)..=(file, usize::MAX)).map(|(edge, _)| edge) {
                came_from.entry(next).or_insert_with(|| {
                    queue.push_back(next);
                    file
                });
            }
        }
        None
    }
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a circle of {} files: {}", self.files.len(), self.files.join(", "))?;
        for chain in &self.chains {
            writeln!(f)?;
            for Link { from, to, names } in chain {
                write!(f, "\n    {from} -> {to}: {}", names.join(", "))?;
            }
        }
        Ok(())
    }
}

/// Collects the edges that begin in one module.
struct Walk<'a> {
    modules: &'a Modules,
    id: usize,
    edges: &'a mut BTreeMap<(usize, usize), BTreeSet<String>>,
}

impl Walk<'_> {
    /// `bare_modules`: whether a module's bare name is a use of it, as in the text of serde's attributes.
    fn tokens(&mut self, tokens: &[Token], bare_modules: bool) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            let begin = at;
            at += 1;
            match token {
                Attribute(inside) => {
                    self.tokens(inside, false);
                    if inside.iter().any(|word| word.is_word("serde") || word.is_word("cfg_attr")) {
                        self.texts(inside);
                    }
                }
                // not the `use<..>` of a type
                Word(word) if word == "use" && tokens.get(at) != Some(&Mark('<')) => {
                    // a name that is re-exported is used where it stands in code, if anywhere
                    if !is_visible(&tokens[..begin]) {
                        self.uses(&tokens[at..]);
                    }
                    at += tokens[at..].iter().position(|token| *token == Mark(';')).unwrap_or(0);
                }
                // `pub(in crate::a)`
                Group('(', inside)
                    if is_visible(&tokens[..at]) && inside.first().is_some_and(|word| word.is_word("in")) => {
                }
                Group(_, inside) => self.tokens(inside, bare_modules),
                Word(_) if begins_path(&tokens[..begin], token) => {
                    let path = path(&tokens[begin..]);
                    at = begin + 2 * path.len() - 1;
                    self.path(&path, &tokens[at..], bare_modules);
                }
                _ => {}
            }
        }
    }

    /// The paths in the texts of an attribute.
    fn texts(&mut self, tokens: &[Token]) {
        for token in tokens {
            if let Group(_, inside) = token {
                self.texts(inside);
            }
            if let Some(Ok(inside)) = token.text().map(tokens::read) {
                self.tokens(&inside, true);
            }
        }
    }

    fn uses(&mut self, tokens: &[Token]) {
        for Use { path, name } in uses(tokens) {
            let targets = self.modules.follow(self.id, &path);
            let is_module = targets.iter().any(|target| matches!(target, Target::Module(_)));
            for target in targets {
                match target {
                    // what is used of a module is seen where it is used
                    Target::Module(_) if !matches!(name, Bound::All) => {}
                    Target::Macro(_) if is_module => {}
                    target => self.tie(target, &path),
                }
            }
        }
    }

    /// A path in code, and what follows it.
    fn path(&mut self, path: &[String], next: &[Token], bare_modules: bool) {
        let first = path[0].as_str();
        let is_keyword = ["crate", "self", "super"].contains(&first);
        let is_call = matches!(next, [Mark('!'), Group(..), ..]);
        let known = if is_keyword { Vec::new() } else { self.modules.look_up(self.id, first) };
        let is_module = known.iter().any(|target| matches!(target, Target::Module(_)));
        if path.len() > 1 && (is_keyword || is_module) {
            let targets = self.modules.follow(self.id, path);
            let is_wanted = |target: &Target| match target {
                Target::Macro(_) => is_call,
                Target::Item(_) | Target::Unknown(_) => !is_call,
                Target::Module(_) => false,
            };
            let any = targets.iter().any(is_wanted);
            for target in targets.into_iter().filter(|target| is_wanted(target) || !any) {
                self.tie(target, path);
            }
        } else if path.len() == 1 && is_call {
            let known = known.into_iter().find(|target| matches!(target, Target::Macro(_)));
            if let Some(target) = known.or_else(|| self.modules.macro_of_parents(self.id, first)) {
                self.tie(target, path);
            }
        } else if path.len() == 1 && is_module && bare_modules {
            for target in known {
                self.tie(target, path);
            }
        } else if self.modules.is_indirect(self.id, first) {
            // fields and variables have small letters too
            let is_item = first.starts_with(char::is_uppercase)
                || path.len() > 1
                || matches!(next.first(), Some(Group('(', _)));
            for target in known.into_iter().filter(|target| is_item && matches!(target, Target::Item(_))) {
                self.tie(target, path);
            }
        }
    }

    fn tie(&mut self, target: Target, path: &[String]) {
        let to = match target {
            Target::Item(file) | Target::Macro(file) | Target::Unknown(file) => file,
            Target::Module(module) => self.modules.modules[module].file,
        };
        let from = self.modules.modules[self.id].file;
        if from != to {
            self.edges.entry((from, to)).or_default().insert(path.join("::"));
        }
    }
}

/// Whether a word, after these tokens, can be the first of a path: it is no field or method, no lifetime, no
/// variable of a macro, and no part of another path.
fn begins_path(before: &[Token], word: &Token) -> bool {
    match before {
        // ranges end with a dot too
        [.., Mark('.'), Mark('.')] => true,
        [.., Mark('.' | '\'') | Separator] => false,
        [.., Mark('$')] => word.is_word("crate"),
        _ => true,
    }
}

/// The words of the path that these tokens begin with.
fn path(tokens: &[Token]) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = tokens;
    while let [Word(word), next @ ..] = rest {
        words.push(word.clone());
        match next {
            [Separator, after @ ..] => rest = after,
            _ => break,
        }
    }
    words
}
