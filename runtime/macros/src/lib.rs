//! Implements `#[brigade::main]` and `#[brigade::test]`. The crate `brigade` documents them.
//!
//! Both attributes put the user's async function into an ordinary function of the same name, which runs it
//! on an executor. The async function is not changed, so the compiler's messages about its body point at the
//! user's lines. The input is simple enough to be read token by token, without a parser crate.

mod function;
mod options;

use proc_macro::{Delimiter, Group, Span, TokenStream, TokenTree};

use function::Function;
use options::Options;

/// Makes an `async fn main` the program's `main`.
#[proc_macro_attribute]
pub fn main(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let wrapped = wrap(arguments, item, TokenStream::new());
    wrapped.unwrap_or_else(|error| {
        // Without a `main`, the compiler would also report that `main` is missing.
        let mut tokens = error.into_tokens();
        tokens.extend(parse("fn main() {}"));
        tokens
    })
}

/// Makes an `async fn` a test.
#[proc_macro_attribute]
pub fn test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let attribute = parse("#[::core::prelude::v1::test]");
    wrap(arguments, item, attribute).unwrap_or_else(Error::into_tokens)
}

/// Makes a function with `attribute`, the user's attributes and the user's signature without `async`. The
/// body of the new function contains the user's function and runs it.
fn wrap(
    arguments: TokenStream,
    item: TokenStream,
    attribute: TokenStream,
) -> Result<TokenStream, Error> {
    let options = Options::read(arguments)?;
    let function = Function::read(item)?;
    if let Some(span) = function.test_attribute.filter(|_| !attribute.is_empty()) {
        return Err(Error::new(
            span,
            "`#[brigade::test]` adds `#[test]` itself: remove this one",
        ));
    }
    let mut body = function.as_written;
    body.extend(options.run(function.name));
    let mut tokens = attribute;
    tokens.extend(function.attributes_and_signature);
    tokens.extend([TokenTree::from(Group::new(Delimiter::Brace, body))]);
    Ok(tokens)
}

/// An error in the input, and its position.
struct Error {
    span: Span,
    message: String,
}

impl Error {
    fn new(span: Span, message: impl Into<String>) -> Self {
        Error {
            span,
            message: message.into(),
        }
    }

    /// Returns `::core::compile_error! { "message" }`, which the compiler reports at `span`.
    fn into_tokens(self) -> TokenStream {
        let Error { span, message } = self;
        let call = parse(&format!("::core::compile_error!{{ {message:?} }}"));
        call.into_iter()
            .map(|token| with_span(token, span))
            .collect()
    }
}

/// Parses code that is written in this crate.
fn parse(code: &str) -> TokenStream {
    code.parse().expect("brigade-macros writes valid tokens")
}

/// Returns the token with `span` as its position in messages. If the token is a group, the tokens in the
/// group get the same position.
fn with_span(mut token: TokenTree, span: Span) -> TokenTree {
    if let TokenTree::Group(group) = &token {
        let inner = group.stream().into_iter();
        let inner = inner.map(|token| with_span(token, span)).collect();
        token = Group::new(group.delimiter(), inner).into();
    }
    token.set_span(span);
    token
}

fn is_ident(token: &TokenTree, text: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident.to_string() == text)
}

fn is_punct(token: &TokenTree, c: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == c)
}

fn group_of(token: &TokenTree, delimiter: Delimiter) -> Option<&Group> {
    match token {
        TokenTree::Group(group) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}

/// Returns the tokens without invisible groups. A `macro_rules!` macro wraps every inserted fragment in such
/// a group.
fn ungrouped(tokens: TokenStream) -> Vec<TokenTree> {
    let mut flat = Vec::new();
    for token in tokens {
        match group_of(&token, Delimiter::None) {
            Some(group) => flat.extend(ungrouped(group.stream())),
            None => flat.push(token),
        }
    }
    flat
}
