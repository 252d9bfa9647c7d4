//! What stands in an attribute's parentheses.

use syn::parse::{Parse, ParseStream};
use syn::{Ident, LitBool, LitStr, Token};

/// `name = "..."` and `export = false`, both optional.
pub struct Arguments {
    pub name: Option<String>,
    pub export: bool,
}

impl Parse for Arguments {
    fn parse(input: ParseStream) -> syn::Result<Self> {
        let mut arguments = Self { name: None, export: true };
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            match key.to_string().as_str() {
                "name" => arguments.name = Some(input.parse::<LitStr>()?.value()),
                "export" => arguments.export = input.parse::<LitBool>()?.value,
                _ => return Err(syn::Error::new(key.span(), "expected `name = \"...\"` or `export = false`")),
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(arguments)
    }
}

/// `SayHello` for `say_hello`.
pub fn upper_camel_case(name: &str) -> String {
    let words = name.trim_start_matches("r#").split('_').filter(|word| !word.is_empty());
    words
        .flat_map(|word| word.chars().enumerate().map(|(index, letter)| if index == 0 { letter.to_ascii_uppercase() } else { letter }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_name_becomes_the_name_that_callers_use() {
        assert_eq!(upper_camel_case("say_hello"), "SayHello");
        assert_eq!(upper_camel_case("r#loop"), "Loop");
        assert_eq!(upper_camel_case("_http2_get"), "Http2Get");
    }
}
