//! Reads the function to which an attribute is applied.

use proc_macro::{Delimiter, Ident, Span, TokenStream, TokenTree};

use crate::{Error, group_of, is_ident, is_punct, ungrouped};

/// An async function without parameters.
pub(crate) struct Function {
    pub(crate) name: Ident,
    /// Everything except `async` and the body: attributes, visibility, `fn name() -> Output`.
    pub(crate) attributes_and_signature: TokenStream,
    /// `async fn name() -> Output { body }`, with the user's spans.
    pub(crate) as_written: TokenStream,
    /// The position of the attribute `#[test]`, if the function has one.
    pub(crate) test_attribute: Option<Span>,
}

impl Function {
    pub(crate) fn read(item: TokenStream) -> Result<Self, Error> {
        let tokens = ungrouped(item);
        let end = tokens.last().map_or(Span::call_site(), TokenTree::span);
        let not_async = |span| Error::new(span, "only an `async fn` can be run by brigade");

        let mut rest = &tokens[..];
        let mut test_attribute = None;
        while let [hash, attribute, ..] = rest {
            let Some(attribute) = group_of(attribute, Delimiter::Bracket) else {
                break;
            };
            let inner: Vec<_> = attribute.stream().into_iter().collect();
            if matches!(&inner[..], [only] if is_ident(only, "test")) {
                test_attribute = Some(attribute.span());
            }
            debug_assert!(is_punct(hash, '#'));
            rest = &rest[2..];
        }
        if rest.first().is_some_and(|token| is_ident(token, "pub")) {
            let restricted = rest
                .get(1)
                .is_some_and(|token| group_of(token, Delimiter::Parenthesis).is_some());
            rest = &rest[1 + usize::from(restricted)..];
        }

        let before_async = tokens.len() - rest.len();
        let [
            first,
            keyword,
            TokenTree::Ident(name),
            parameters,
            after @ ..,
        ] = rest
        else {
            return Err(not_async(rest.first().map_or(end, TokenTree::span)));
        };
        if !is_ident(first, "async") {
            return Err(not_async(first.span()));
        }
        if !is_ident(keyword, "fn") {
            let message =
                "`async fn` is expected here: an `unsafe` or `extern` function cannot be run";
            return Err(Error::new(keyword.span(), message));
        }
        match group_of(parameters, Delimiter::Parenthesis) {
            None => {
                let message =
                    "the function must not be generic: its type parameters would be unknown";
                return Err(Error::new(parameters.span(), message));
            }
            Some(list) if !list.stream().is_empty() => {
                let message =
                    "the function must not have parameters: it is called without arguments";
                return Err(Error::new(list.span(), message));
            }
            Some(_) => {}
        }
        let Some((body, output)) = after.split_last() else {
            return Err(Error::new(end, "the function must have a body"));
        };
        if group_of(body, Delimiter::Brace).is_none() {
            return Err(Error::new(body.span(), "the function must have a body"));
        }

        let before = tokens[..before_async].iter();
        let signature = rest[1..rest.len() - 1].iter();
        debug_assert!(signature.len() == 3 + output.len());
        Ok(Function {
            name: name.clone(),
            attributes_and_signature: before.chain(signature).cloned().collect(),
            as_written: rest.iter().cloned().collect(),
            test_attribute,
        })
    }
}
