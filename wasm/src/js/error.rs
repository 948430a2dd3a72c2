//! Errors as JavaScript has them: `Error` objects with a code.

use core::fmt;

use wasm_bindgen::prelude::*;

use crate::code::Code;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What everything here throws. Codes are stable, messages are not. */
export interface CasyncError extends Error {
  readonly code:
    | "format" /** the bytes break the format */
    | "truncated" /** the input ended inside something */
    | "mismatch" /** the bytes of a chunk do not belong to its id */
    | "limit" /** a limit was passed */
    | "unsupported" /** made by a newer version */
    | "codec" /** compressed by a method that is not in this build */
    | "usage" /** called with or in the wrong way */
    | "number" /** an amount that a number cannot hold exactly */
    | "internal"; /** a bug: drop the instance and make a new one */
}
"#;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = Error)]
    type ErrorObject;

    #[wasm_bindgen(constructor, js_class = "Error")]
    fn new(message: &str) -> ErrorObject;

    #[wasm_bindgen(method, setter)]
    fn set_code(this: &ErrorObject, code: &str);
}

/// An error on its way to JavaScript.
pub struct Failure(ErrorObject);

impl Failure {
    pub(crate) fn new(code: Code, message: &str) -> Self {
        let error = ErrorObject::new(message);
        error.set_code(code.name());
        Self(error)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Failure")
    }
}

impl From<casync_core::Error> for Failure {
    fn from(error: casync_core::Error) -> Self {
        Self::new(Code::of(&error), &error.to_string())
    }
}

impl From<Failure> for JsValue {
    fn from(failure: Failure) -> Self {
        failure.0.into()
    }
}
