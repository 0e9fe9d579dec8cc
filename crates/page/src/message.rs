//! What a page is asked and what it answers: plain data, so that handlers and their tests know no HTTP library.

use serde::Serialize;

/// What a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// To see something; `HEAD` counts as such.
    Get,
    /// To have something done.
    Post,
}

/// A request, read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What it wants.
    pub method: Method,
    /// The path, e.g. `/predict`.
    pub path: String,
    /// What stands after the question mark; empty if there is none.
    pub query: String,
    /// The body; empty if there is none.
    pub body: Vec<u8>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status, e.g. 200 or 404.
    pub status: u16,
    /// The type of the body, e.g. `application/json`.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// A text that was found, of this type, e.g. `text/html; charset=utf-8`.
    pub fn text(content_type: &'static str, text: impl Into<String>) -> Self {
        Response { status: 200, content_type, body: text.into().into_bytes() }
    }

    /// A value as JSON. One that JSON cannot say becomes an error of status 500.
    ///
    /// ```
    /// let answer = page::Response::json(&[0.25, 0.75]);
    /// assert_eq!((answer.status, answer.body.as_slice()), (200, b"[0.25,0.75]".as_slice()));
    /// ```
    pub fn json(value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Response { status: 200, content_type: "application/json", body },
            Err(error) => Response::error(500, format!("the answer cannot be written as JSON: {error}")),
        }
    }

    /// An error as JSON, `{"error": "..."}`; the message says what was found, what was expected and what to do.
    ///
    /// ```
    /// let answer = page::Response::error(404, "there is no page /x");
    /// assert_eq!(answer.body, br#"{"error":"there is no page /x"}"#);
    /// ```
    pub fn error(status: u16, message: impl Into<String>) -> Self {
        let body = serde_json::json!({ "error": message.into() }).to_string().into_bytes();
        Response { status, content_type: "application/json", body }
    }

    /// The answer where there is nothing at this path, or nothing that can be done by this method.
    pub fn not_found(request: &Request, there_is: &str) -> Self {
        let verb = match request.method {
            Method::Get => "GET",
            Method::Post => "POST",
        };
        Response::error(404, format!("there is no {verb} {}; there is {there_is}", request.path))
    }
}
