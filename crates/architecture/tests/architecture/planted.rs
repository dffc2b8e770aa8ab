//! The reader of a crate, on small crates with one edge of each kind, and on what is no edge.

use std::collections::BTreeMap;

use architecture::{Graph, is_unsafe};

fn graph(files: &[(&str, &str)]) -> Graph {
    let sources: BTreeMap<String, String> =
        files.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect();
    Graph::read(&sources).unwrap()
}

/// All edges as `from > to`.
fn edges(files: &[(&str, &str)]) -> Vec<String> {
    let mut edges: Vec<String> =
        graph(files).links().map(|link| format!("{} > {}", link.from, link.to)).collect();
    edges.sort();
    edges
}

/// The root of a crate of two files, where each test plants what `a.rs` uses of `b.rs`.
const ROOT: &str = "mod a; mod b;";
/// What `b.rs` defines, beside its use of `a.rs`.
const B: &str = "pub struct B; pub enum E { V } pub trait T {} pub fn f() {} pub const N: usize = 1;
    pub mod inner { pub fn deep() {} pub mod exact {} }";
const B_USES_A: &str = "use crate::a::A;";

/// That `a.rs` with this text is tied to `b.rs`: a circle where `b.rs` uses `a.rs` too, and none where it
/// does not.
#[track_caller]
fn ties(kind: &str, root: &str, a: &str) {
    let a = format!("pub struct A; {a}");
    for (b, circles) in [(format!("{B_USES_A} {B}"), 1), (B.to_owned(), 0)] {
        let files = [("lib.rs", root), ("a.rs", a.as_str()), ("b.rs", b.as_str())];
        let found = graph(&files).circles();
        assert_eq!(found.len(), circles, "{kind}: {:?}", edges(&files));
        if let [circle] = &found[..] {
            assert_eq!(circle.files, ["a.rs", "b.rs"], "{kind}");
            assert_eq!(circle.chains.len(), 1, "{kind}");
        }
    }
}

/// That `a.rs` with this text is tied to no file.
#[track_caller]
fn does_not_tie(kind: &str, root: &str, a: &str) {
    let files = [("lib.rs", root), ("a.rs", a), ("b.rs", B)];
    assert!(edges(&files).iter().all(|edge| !edge.starts_with("a.rs")), "{kind}: {:?}", edges(&files));
}

#[test]
fn a_circle_by_each_way_of_writing_a_path() {
    for (kind, a) in [
        ("crate", "use crate::b::B;"),
        ("super", "use super::b::B;"),
        ("super, from a module inside the file", "mod inside { use super::super::b::B; }"),
        (
            "self, from a module inside the file",
            "mod inside { use super::super::b; fn g() { self::b::f() } }",
        ),
        ("one of several", "use crate::{a::A as Own, b::{E, inner::{self, deep}}};"),
        ("renamed", "use crate::b::B as Other;"),
        ("without a name", "use crate::b::T as _;"),
        ("all names", "use crate::b::*;"),
        ("all names of an item", "use crate::b::E::*;"),
        ("inside a function", "fn g() { use crate::b::f; f() }"),
        ("expression", "fn g() { crate::b::f() }"),
        ("range", "fn g() { for _ in 0..crate::b::N {} }"),
        ("type", "struct S { b: Vec<crate::b::B> }"),
        ("pattern", "fn g(e: i32) { match e { crate::b::N => (), _ => () } }"),
        ("variant", "fn g() { let _ = crate::b::E::V; }"),
        ("bound", "fn g<X: crate::b::T>() {}"),
        ("where", "struct S<X>(X) where X: Clone + super::b::T;"),
        ("implementation", "impl crate::b::T for A {}"),
        ("qualified", "fn g() { <crate::b::B as Clone>::clone(todo) }"),
        ("what a macro is passed", "fn g() { println!(\"{}\", crate::b::N) }"),
        ("body of a macro", "macro_rules! m { ($x:expr) => { $crate::b::f($x) } }"),
        ("use in the body of a macro", "macro_rules! m { () => { use $crate::b::{f}; } }"),
        ("attribute", "#[derive(crate::b::Derive)] struct S;"),
        ("text of serde", "#[derive(Clone)] struct S { #[serde(default, with = \"crate::b\")] x: f64 }"),
        ("text of serde, a function", "struct S { #[serde(default = \"crate::b::f\")] x: f64 }"),
        ("text of serde, a module by its name", "use crate::b; struct S { #[serde(with = \"b\")] x: f64 }"),
        ("text of serde, a bound", "#[serde(bound = \"X: crate::b::T\")] struct S<X>(X);"),
        ("module", "use crate::b; fn g() { b::f() }"),
        ("module, renamed", "use crate::b as other; fn g() -> other::B {}"),
        ("module, as self of several", "use crate::b::{self as other}; fn g() { other::inner::deep() }"),
        ("module of a module", "use crate::b::inner; fn g() { inner::deep() }"),
        ("module alone, passed to a macro", "fn g() { register!(crate::b) }"),
        ("a name that a macro made", "use crate::b::Made;"),
        ("after an item of tests", "#[cfg(test)] mod tests { fn t() { x } } fn g() { crate::b::f() }"),
        ("after a field of tests", "struct S { #[cfg(test)] x: Vec<u8, u8>, y: crate::b::B }"),
        ("after an arm of tests", "fn g() { match 1 { #[cfg(test)] 1 => { 2 } _ => crate::b::N } }"),
        ("after a statement of tests", "fn g() { #[cfg(test)] let x = S { y }; crate::b::f() }"),
        ("after a use of tests", "#[cfg(test)] use x::{y}; use crate::b::f;"),
        ("another condition", "#[cfg(not(test))] use crate::b::f;"),
    ] {
        ties(kind, ROOT, a);
    }
}

#[test]
fn a_circle_through_what_is_re_exported() {
    for (kind, root, a) in [
        ("once", "mod a; mod b; pub use b::B;", "use crate::B;"),
        ("once, crate-wide", "mod a; mod b; pub(crate) use self::b::{B, E};", "use crate::E;"),
        ("by a private use of a parent", "mod a; mod b; use b::B;", "fn g(_: super::B) {}"),
        ("twice", "mod a; mod b; mod inner { pub use super::b::B; } pub use inner::B;", "use crate::B;"),
        ("renamed", "mod a; mod b; pub use b::B as Shown;", "use crate::Shown;"),
        (
            "renamed twice",
            "mod a; mod b; pub use b as c; pub use c::B as Shown;",
            "fn g() -> super::Shown {}",
        ),
        ("with all names", "mod a; mod b; pub use b::*;", "use crate::{A as Own, B};"),
        (
            "with all names, twice",
            "mod a; mod b; mod c { pub use crate::b::*; } pub use c::*;",
            "use crate::f;",
        ),
        ("a module", "mod a; mod b; pub use b::inner as door;", "use crate::door; fn g() { door::deep() }"),
        ("and used by the file itself", ROOT, "pub use crate::b::B; struct S(B);"),
        ("and called by the file itself", ROOT, "pub use crate::b::f; fn g() { f() }"),
        ("and used with all names", "mod a; mod b; pub use b::*;", "use super::*; fn g(_: E) {}"),
    ] {
        ties(kind, root, a);
    }
}

#[test]
fn a_circle_by_the_name_of_a_child() {
    for (kind, parent) in [
        ("expression", "mod child; pub fn f() { child::g() }"),
        ("use", "mod child; use child::g;"),
        ("type", "mod child; pub fn f(_: child::C) {}"),
        ("what a macro is passed", "mod child; fn f() { entry!(child::C) }"),
        ("module in a file of its folder", "mod child; static ALL: [X; 1] = [child::ENTRY];"),
        ("re-exported and used", "mod child; pub use child::C; pub fn f(_: C) {}"),
    ] {
        let child = "use super::Parent; pub struct C; pub fn g() {}";
        let parent = format!("pub struct Parent; {parent}");
        for path in ["p.rs", "p/mod.rs"] {
            let found = graph(&[("lib.rs", "mod p;"), (path, &parent), ("p/child.rs", child)]).circles();
            assert_eq!(found.len(), 1, "{kind}");
            let mut expected = ["p/child.rs", path];
            expected.sort_unstable();
            assert_eq!(found[0].files, expected, "{kind}");
        }
    }
}

#[test]
fn a_circle_by_a_macro() {
    for (kind, root, a, b) in [
        ("exported", "mod a; mod b;", "crate::m! {}", "#[macro_export] macro_rules! m { () => {} }"),
        (
            "brought in",
            "mod a; mod b;",
            "use crate::b::m; m!();",
            "macro_rules! m { () => {} } pub(crate) use m;",
        ),
        (
            "called through its module",
            ROOT,
            "fn g() { crate::b::m!() }",
            "macro_rules! m { () => {} } pub(crate) use m;",
        ),
        ("by the order of modules", "#[macro_use] mod b; mod a;", "m!();", "macro_rules! m { () => {} }"),
        (
            "of a name that a module has too",
            ROOT,
            "use crate::b; crate::b! {}",
            "#[macro_export] macro_rules! b { () => {} }",
        ),
    ] {
        let (a, b) = (format!("pub struct A; {a}"), format!("use crate::a::A; {b}"));
        let found = graph(&[("lib.rs", root), ("a.rs", &a), ("b.rs", &b)]).circles();
        assert_eq!(found.len(), 1, "{kind}");
        assert_eq!(found[0].files, ["a.rs", "b.rs"], "{kind}");
    }
    // the macro's own uses are those of its file
    let files = [
        ("lib.rs", "mod a; mod b; mod c;"),
        ("a.rs", "crate::m! { struct Made; }"),
        ("b.rs", "#[macro_export] macro_rules! m { () => { $crate::c::C } }"),
        ("c.rs", "pub struct C; use crate::a::Made;"),
    ];
    assert_eq!(edges(&files), ["a.rs > b.rs", "b.rs > c.rs", "c.rs > a.rs"]);
}

#[test]
fn what_is_no_edge() {
    for (kind, root, a) in [
        ("mod", ROOT, "mod inside {}"),
        (
            "re-export",
            ROOT,
            "pub use crate::b::B; pub(crate) use crate::b::{E, f}; pub(super) use crate::b::*;",
        ),
        (
            "re-export, a field of its name",
            ROOT,
            "pub use crate::b::f; fn g(x: X) { x.f; x.f(); let f = 1; }",
        ),
        ("comment", ROOT, "// use crate::b::B;\n/* crate::b::f() */ struct S;"),
        (
            "documentation",
            ROOT,
            "//! [`B`](crate::b::B)\n/// See [`crate::b::f`].\n#[doc = \"crate::b\"] struct S;",
        ),
        ("text", ROOT, "const S: &str = \"crate::b::B\"; fn g() { println!(\"crate::b::N\") }"),
        ("text of another attribute", ROOT, "#[error(\"crate::b::f\")] struct S;"),
        ("visibility", ROOT, "pub(in crate::b) struct S;"),
        ("itself", ROOT, "use crate::a::S; struct S; fn g() { self::g(); super::a::g() }"),
        ("a module that is not used", ROOT, "use crate::b;"),
        ("another crate", ROOT, "use ::b::B; use other::b::f; fn g() { ::b::f(); std::b::f() }"),
        (
            "a method, a lifetime, a variable of a macro",
            ROOT,
            "use crate::b; fn g<'b>() { x.b::<u8>() } macro_rules! m { ($b:ident) => { $b::f() } }",
        ),
        ("an item of tests", ROOT, "#[cfg(test)] mod tests { use crate::b::B; }"),
        ("a function of tests", ROOT, "#[test] #[should_panic] fn t() { crate::b::f() }"),
        ("a use of tests", ROOT, "#[cfg(test)] use crate::b::{B, f};"),
        ("tests on one machine", ROOT, "#[cfg(all(test, unix))] mod tests { use crate::b::B; }"),
        (
            "attributes before the one of tests",
            ROOT,
            "#[derive(crate::b::Derive)] #[cfg(test)] struct S(crate::b::B);",
        ),
        ("a constant of tests", ROOT, "#[cfg(test)] const S: X = X { n: crate::b::N };"),
        ("a field of tests", ROOT, "struct S { #[cfg(test)] pub(crate) b: Map<u8, crate::b::B>, c: u8 }"),
        (
            "a statement of tests",
            ROOT,
            "fn g() { #[cfg(test)] crate::b::f(); #[cfg(test)] m! { crate::b::f } #[cfg(test)] { crate::b::f() } }",
        ),
        ("a file of tests", ROOT, "#![cfg(test)] use crate::b::B;"),
    ] {
        does_not_tie(kind, root, a);
    }
    // a file of tests is no node, and what stands in it is not read
    let files =
        [("lib.rs", "mod b; #[cfg(test)] mod tests;"), ("b.rs", ""), ("tests.rs", "use crate::b::B;")];
    assert_eq!(graph(&files).files().collect::<Vec<_>>(), ["lib.rs", "b.rs"]);
}

#[test]
fn an_edge_ends_where_the_name_is_defined() {
    let files = [
        ("lib.rs", "pub mod shapes; mod user; pub use shapes::{Square, round::*};"),
        ("shapes/mod.rs", "pub mod round; mod square; pub use square::Square; pub trait Shape {}"),
        ("shapes/round.rs", "pub struct Circle; impl super::Shape for Circle {}"),
        ("shapes/square.rs", "use super::{Shape, round};  pub struct Square;"),
        (
            "user.rs",
            "use crate::{Circle, Square}; use crate::shapes; fn f(_: shapes::Square, _: shapes::Missing) {}",
        ),
    ];
    assert_eq!(
        edges(&files),
        [
            "shapes/round.rs > shapes/mod.rs",
            "shapes/square.rs > shapes/mod.rs",
            "user.rs > shapes/mod.rs",
            "user.rs > shapes/round.rs",
            "user.rs > shapes/square.rs",
        ]
    );
    assert!(graph(&files).circles().is_empty());
}

#[test]
fn a_long_circle_and_a_program_beside_a_library() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("main.rs", "mod only; fn main() { only::f() }"),
        ("only.rs", "pub fn f() {}"),
        ("a.rs", "use crate::b::B; pub struct A;"),
        ("b.rs", "use crate::{c::C, d::D}; pub struct B;"),
        ("c.rs", "use crate::a::A; pub struct C;"),
        ("d.rs", "pub struct D;"),
    ];
    let circles = graph(&files).circles();
    assert_eq!(circles.len(), 1);
    assert_eq!(
        circles[0].to_string(),
        "a circle of 3 files: a.rs, b.rs, c.rs\n\n    a.rs -> b.rs: crate::b::B\n    b.rs -> c.rs: crate::c::C\n    \
         c.rs -> a.rs: crate::a::A"
    );
    assert!(edges(&files).contains(&"main.rs > only.rs".to_owned()));
}

#[test]
fn two_circles_are_two() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "use crate::b::B; pub struct A; pub struct Also;"),
        ("b.rs", "use crate::a::{A, Also}; use crate::c::C; pub struct B;"),
        ("c.rs", "use crate::d::D; pub struct C;"),
        ("d.rs", "use crate::c::C; pub struct D;"),
    ];
    let circles = graph(&files).circles();
    let files: Vec<_> = circles.iter().map(|circle| circle.files.clone()).collect();
    assert_eq!(files, [["a.rs", "b.rs"], ["c.rs", "d.rs"]]);
    assert_eq!(circles[0].chains[0][1].names, ["crate::a::A", "crate::a::Also"]);
}

#[test]
fn a_file_that_is_missing_or_no_source_is_an_error() {
    let read = |text: &str| Graph::read(&BTreeMap::from([("lib.rs".to_owned(), text.to_owned())]));
    assert_eq!(read("mod a;").unwrap_err(), "`mod a;`: neither a.rs nor a/mod.rs");
    assert!(read("fn f() { ( }").unwrap_err().starts_with("lib.rs: "));
}

#[test]
fn unsafe_is_found_in_code_alone() {
    for (text, expected) in [
        ("fn f() { unsafe { g() } }", true),
        ("unsafe impl Send for S {}", true),
        ("macro_rules! m { () => { unsafe {} } }", true),
        ("#[unsafe(no_mangle)] fn f() {}", true),
        ("#[cfg(test)] mod tests { unsafe fn f() {} }", true),
        ("// unsafe\n/// unsafe\nfn f() { println!(\"unsafe\") }", false),
        ("#![allow(unsafe_code)]", false),
    ] {
        assert_eq!(is_unsafe(text).unwrap(), expected, "{text}");
    }
}
