//! Source text as the few kinds of tokens that imports are made of, without comments and tests.

use proc_macro2::{Delimiter, LexError, Spacing, TokenStream, TokenTree};

/// A token, or several that mean one thing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// An identifier or a keyword.
    Word(String),
    /// `::`
    Separator,
    /// Any other sign.
    Mark(char),
    /// A literal as written.
    Literal(String),
    /// What stands between the brackets of `#[..]`; for `#![..]` a `!` and what stands between its brackets.
    Attribute(Vec<Token>),
    /// The opening bracket, and what stands between it and its partner.
    Group(char, Vec<Token>),
}

use Token::{Attribute, Group, Mark, Separator, Word};

impl Token {
    pub(crate) fn is_word(&self, wanted: &str) -> bool {
        matches!(self, Word(word) if word == wanted)
    }

    /// The text of a string literal, its escapes as written.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Token::Literal(literal) => literal
                .trim_start_matches('r')
                .trim_matches('#')
                .strip_prefix('"')
                .and_then(|text| text.strip_suffix('"')),
            _ => None,
        }
    }
}

/// The tokens of source text, without comments and without what is compiled for tests alone.
pub(crate) fn read(text: &str) -> Result<Vec<Token>, LexError> {
    Ok(without_tests(&convert(text.parse()?)))
}

/// Whether the keyword `unsafe` stands anywhere in source text, in tests too, but not in comments or in
/// literals.
///
/// # Errors
/// Text that is not made of Rust's tokens.
pub fn is_unsafe(text: &str) -> Result<bool, LexError> {
    fn any(tokens: &[Token]) -> bool {
        tokens.iter().any(|token| match token {
            Attribute(inner) | Group(_, inner) => any(inner),
            token => token.is_word("unsafe"),
        })
    }
    Ok(any(&convert(text.parse()?)))
}

fn convert(stream: TokenStream) -> Vec<Token> {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let is_mark =
        |at: usize, mark: char| matches!(trees.get(at), Some(TokenTree::Punct(p)) if p.as_char() == mark);
    let mut tokens = Vec::with_capacity(trees.len());
    let mut at = 0;
    while let Some(tree) = trees.get(at) {
        at += 1;
        tokens.push(match tree {
            TokenTree::Ident(ident) => Word(ident.to_string().trim_start_matches("r#").to_owned()),
            TokenTree::Literal(literal) => Token::Literal(literal.to_string()),
            TokenTree::Punct(first)
                if first.as_char() == ':' && first.spacing() == Spacing::Joint && is_mark(at, ':') =>
            {
                at += 1;
                Separator
            }
            TokenTree::Punct(first) if first.as_char() == '#' => {
                let bracket = at + usize::from(is_mark(at, '!'));
                match trees.get(bracket) {
                    Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
                        let mut inside = convert(group.stream());
                        // what comments of documentation become
                        let is_doc = inside.first().is_some_and(|word| word.is_word("doc"));
                        if bracket > at {
                            inside.insert(0, Mark('!'));
                        }
                        at = bracket + 1;
                        if is_doc {
                            continue;
                        }
                        Attribute(inside)
                    }
                    _ => Mark('#'),
                }
            }
            TokenTree::Punct(punct) => Mark(punct.as_char()),
            TokenTree::Group(group) => {
                let open = match group.delimiter() {
                    Delimiter::Parenthesis => '(',
                    Delimiter::Brace => '{',
                    Delimiter::Bracket => '[',
                    Delimiter::None => ' ',
                };
                Group(open, convert(group.stream()))
            }
        });
    }
    tokens
}

fn without_tests(tokens: &[Token]) -> Vec<Token> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            Attribute(inside) if inside.first() == Some(&Mark('!')) && is_for_tests(&inside[1..]) => {
                return Vec::new();
            }
            Attribute(inside) if is_for_tests(inside) => {
                while matches!(kept.last(), Some(Attribute(_))) {
                    kept.pop();
                }
                at += length_of_item(&tokens[at..]);
            }
            Group(open, inside) => kept.push(Group(*open, without_tests(inside))),
            token => kept.push(token.clone()),
        }
    }
    kept
}

/// `#[test]`, `#[cfg(test)]`, `#[cfg(all(test, ..))]`.
fn is_for_tests(attribute: &[Token]) -> bool {
    fn needs_test(condition: &[Token]) -> bool {
        match condition {
            [word] => word.is_word("test"),
            [all, Group('(', conditions)] if all.is_word("all") => {
                conditions.split(|token| *token == Mark(',')).any(needs_test)
            }
            _ => false,
        }
    }
    match attribute {
        [cfg, Group('(', condition)] if cfg.is_word("cfg") => needs_test(condition),
        _ => needs_test(attribute),
    }
}

/// How many tokens belong to the item, statement, field or arm that begins here.
fn length_of_item(tokens: &[Token]) -> usize {
    let mut at = tokens.iter().take_while(|token| matches!(token, Attribute(_))).count();
    if tokens.get(at).is_some_and(|token| token.is_word("pub")) {
        at += 1;
        at += usize::from(matches!(tokens.get(at), Some(Group('(', _))));
    }
    let word = |at: usize| match tokens.get(at) {
        Some(Word(word)) => word.as_str(),
        _ => "",
    };
    let is_function = |word: &str| matches!(word, "fn" | "unsafe" | "async" | "extern");
    // whether braces end it, and whether a comma does
    let (braces, commas) = match word(at) {
        "use" | "static" | "let" | "type" => (false, false),
        "const" => (is_function(word(at + 1)), false),
        "extern" => (word(at + 1) != "crate", false),
        "struct" | "enum" | "union" | "trait" | "impl" | "mod" | "macro_rules" => (true, false),
        "if" | "for" | "while" | "loop" | "match" => (true, false),
        word if is_function(word) => (true, false),
        _ => (false, true),
    };
    let is_field = matches!(tokens.get(at + 1), Some(Mark(':')));
    let mut depth = 0;
    for (place, token) in tokens.iter().enumerate().skip(at) {
        let before = place.checked_sub(1).map(|before| &tokens[before]);
        match token {
            Mark(';') => return place + 1,
            Mark(',') if commas && depth == 0 => return place + 1,
            // commas between `<` and `>` do not end a field; elsewhere these may be comparisons
            Mark('<') if is_field => depth += 1,
            Mark('>') if is_field && before != Some(&Mark('-')) => depth -= 1,
            Group('{', _) if braces || place == at || matches!(before, Some(Mark('>' | '!'))) => {
                return place + 1;
            }
            _ => {}
        }
    }
    tokens.len()
}
