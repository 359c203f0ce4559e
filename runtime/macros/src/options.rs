//! Reads the arguments of an attribute. They select the executor that runs the function.

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::{Error, is_punct, parse};

/// The arguments: none, `workers = n`, `seed = n`, `virtual_time`, or both `seed = n` and `virtual_time`.
#[derive(Default)]
pub(crate) struct Options {
    workers: Option<Value>,
    seed: Option<Value>,
    virtual_time: Option<Span>,
}

/// The position of an argument, and the expression after its `=`.
struct Value {
    span: Span,
    expression: TokenStream,
}

impl Options {
    pub(crate) fn read(arguments: TokenStream) -> Result<Self, Error> {
        let tokens: Vec<TokenTree> = arguments.into_iter().collect();
        let mut options = Options::default();
        for argument in tokens.split(|token| is_punct(token, ',')) {
            if !argument.is_empty() {
                options.set(argument)?;
            } else if tokens.len() == 1 || tokens.first().is_some_and(|token| is_punct(token, ','))
            {
                return Err(Error::new(
                    tokens[0].span(),
                    "an argument is expected before `,`",
                ));
            }
        }
        let one_worker = options.seed.as_ref().map(|value| value.span);
        let one_worker = one_worker.or(options.virtual_time);
        if let (Some(_), Some(span)) = (&options.workers, one_worker) {
            let message = "`workers` asks for `WorkStealing`; `seed` and `virtual_time` are for `SingleThread`";
            return Err(Error::new(span, message));
        }
        Ok(options)
    }

    fn set(&mut self, argument: &[TokenTree]) -> Result<(), Error> {
        let span = argument[0].span();
        let name = argument[0].to_string();
        let value = match &argument[1..] {
            [] => None,
            [equals, expression @ ..] if is_punct(equals, '=') && !expression.is_empty() => {
                let expression = expression.iter().cloned().collect();
                Some(Value { span, expression })
            }
            [other, ..] => {
                return Err(Error::new(
                    other.span(),
                    format!("`{name} = value` is expected"),
                ));
            }
        };
        let twice = match (name.as_str(), value) {
            ("workers", Some(value)) => self.workers.replace(value).is_some(),
            ("seed", Some(value)) => self.seed.replace(value).is_some(),
            ("virtual_time", None) => self.virtual_time.replace(span).is_some(),
            ("workers" | "seed", None) => {
                return Err(Error::new(
                    span,
                    format!("`{name}` needs a value: `{name} = 4`"),
                ));
            }
            ("virtual_time", Some(_)) => {
                return Err(Error::new(span, "`virtual_time` takes no value"));
            }
            _ => {
                let message = "the arguments are `workers = n`, `seed = n` and `virtual_time`";
                return Err(Error::new(span, message));
            }
        };
        match twice {
            true => Err(Error::new(span, format!("`{name}` is given twice"))),
            false => Ok(()),
        }
    }

    /// Returns an expression that runs the async function `name`.
    pub(crate) fn run(self, name: Ident) -> TokenStream {
        let builder = match (self.workers, self.seed, self.virtual_time) {
            (None, None, None) => return call("::brigade::run", [TokenTree::from(name), unit()]),
            (Some(workers), ..) => {
                let mut builder = parse("::brigade::WorkStealing::builder()");
                builder.extend(call(".workers", workers.expression));
                builder
            }
            (None, seed, virtual_time) => {
                let mut builder = parse("::brigade::SingleThread::builder()");
                builder.extend(
                    seed.map(|seed| call(".seed", seed.expression))
                        .unwrap_or_default(),
                );
                builder.extend(parse(virtual_time.map_or("", |_| ".virtual_time(true)")));
                builder
            }
        };
        let mut executor = builder;
        executor.extend(parse(
            ".build().expect(\"brigade could not start its executor\")",
        ));
        executor.extend(call(".block_on", [TokenTree::from(name), unit()]));
        executor
    }
}

/// Returns the tokens of `function(arguments)`.
fn call(function: &str, arguments: impl IntoIterator<Item = TokenTree>) -> TokenStream {
    let mut tokens = parse(function);
    let arguments = arguments.into_iter().collect();
    tokens.extend([TokenTree::from(Group::new(
        Delimiter::Parenthesis,
        arguments,
    ))]);
    tokens
}

/// Returns the token of `()`.
fn unit() -> TokenTree {
    Group::new(Delimiter::Parenthesis, TokenStream::new()).into()
}
