//! `GET /api/docs`: the API's description as a page for people. Made once, out of the description itself, without any script.

mod html;

use std::fmt::Write as _;

use axum::{
    http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use serde_json::{Map, Value};

use html::Text;

const METHODS: [&str; 6] = ["get", "post", "put", "patch", "delete", "options"];
const POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";
const STYLE: &str = include_str!("docs/style.css");
/// Where a page finds it.
pub(super) const STYLE_ADDRESS: &str = "/api/docs/style.css";

pub(super) async fn style() -> Response {
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "no-cache")], STYLE).into_response()
}

pub(super) fn answer(page: Bytes) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
    ];
    (headers, page).into_response()
}

/// The page of this description.
pub(super) fn page(description: &str) -> String {
    let description: Value = serde_json::from_str(description).unwrap_or_default();
    let info = &description["info"];
    let (title, version) = (Text(&info["title"]), Text(&info["version"]));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title} API</title>\n\
         <link rel=\"stylesheet\" href=\"{STYLE_ADDRESS}\">\n</head>\n<body>\n<h1>{title} API {version}</h1>\n\
         <p>{}. For programs: <a href=\"/api/openapi.json\">openapi.json</a>.</p>\n",
        Text(&info["summary"])
    );
    let operations = operations(&description);
    let mut tags: Vec<&str> = Vec::new();
    for tag in operations.iter().map(|(_, _, operation)| tag(operation)) {
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    for wanted in tags {
        let _ = writeln!(page, "<h2>{}</h2>", html::escaped(wanted));
        for (path, method, operation) in
            operations.iter().filter(|(_, _, operation)| tag(operation) == wanted)
        {
            call(&mut page, path, method, operation);
        }
    }
    page.push_str("<h2>Shapes</h2>\n");
    for (name, schema) in entries(&description["components"]["schemas"]) {
        let name = html::escaped(name);
        let _ = writeln!(page, "<details id=\"shape-{name}\"><summary><code>{name}</code></summary>");
        shape(&mut page, schema);
        page.push_str("</details>\n");
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn operations(description: &Value) -> Vec<(&String, &'static str, &Value)> {
    let mut all = Vec::new();
    for (path, item) in entries(&description["paths"]) {
        all.extend(METHODS.iter().filter_map(|method| Some((path, *method, item.get(method)?))));
    }
    all
}

fn tag(operation: &Value) -> &str {
    operation["tags"][0].as_str().unwrap_or("Without a key")
}

fn entries(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flat_map(Map::iter)
}

fn items(array: &Value) -> impl Iterator<Item = &Value> {
    array.as_array().into_iter().flatten()
}

fn call(page: &mut String, path: &str, method: &str, operation: &Value) {
    let _ = writeln!(
        page,
        "<details><summary><code class=\"{method}\">{}</code> <code>{}</code> {}</summary>",
        method.to_uppercase(),
        html::escaped(path),
        Text(&operation["summary"])
    );
    needs(page, operation);
    parameters(page, operation);
    for (kind, body) in entries(&operation["requestBody"]["content"]) {
        let _ = writeln!(page, "<h3>Body, {}</h3>", html::escaped(kind));
        shape(page, &body["schema"]);
    }
    for (status, answer) in entries(&operation["responses"]) {
        let words = match status.as_str() {
            "default" => "Otherwise",
            status => status,
        };
        let _ = writeln!(page, "<h3>{}: {}</h3>", html::escaped(words), Text(&answer["description"]));
        for (kind, body) in entries(&answer["content"]) {
            let _ = writeln!(page, "<p>{}</p>", html::escaped(kind));
            shape(page, &body["schema"]);
        }
    }
    page.push_str("</details>\n");
}

fn needs(page: &mut String, operation: &Value) {
    for way in items(&operation["security"]) {
        for (name, scopes) in entries(way) {
            let scopes: Vec<&str> = items(scopes).filter_map(Value::as_str).collect();
            let what =
                if scopes.is_empty() { name.clone() } else { format!("{name}: {}", scopes.join(", ")) };
            let _ = writeln!(page, "<p class=\"needs\">{}</p>", html::escaped(&what));
        }
    }
}

fn parameters(page: &mut String, operation: &Value) {
    let mut known = items(&operation["parameters"]).peekable();
    if known.peek().is_none() {
        return;
    }
    page.push_str("<table>\n");
    for parameter in known {
        let _ = writeln!(
            page,
            "<tr><td><code>{}</code>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            Text(&parameter["name"]),
            required(parameter["required"] == true),
            Text(&parameter["in"]),
            kind(&parameter["schema"]),
            Text(&parameter["description"])
        );
    }
    page.push_str("</table>\n");
}

fn required(required: bool) -> &'static str {
    if required { " <b>*</b>" } else { "" }
}

/// An object's properties, or what else it is.
fn shape(page: &mut String, schema: &Value) {
    let properties = entries(&schema["properties"]).collect::<Vec<_>>();
    if properties.is_empty() {
        let _ = writeln!(page, "<p>{} {}</p>", kind(schema), Text(&schema["description"]));
        return;
    }
    let _ = writeln!(page, "<p>{}</p>\n<table>", Text(&schema["description"]));
    for (name, property) in properties {
        let must = items(&schema["required"]).any(|required| required == name.as_str());
        let _ = writeln!(
            page,
            "<tr><td><code>{}</code>{}</td><td>{}</td><td>{}</td></tr>",
            html::escaped(name),
            required(must),
            kind(property),
            Text(&property["description"])
        );
    }
    page.push_str("</table>\n");
}

/// What a value is, in a few words, with a link to a shape that has a name.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|at| at.rsplit('/').next()) {
        let name = html::escaped(name);
        return format!("<a href=\"#shape-{name}\">{name}</a>");
    }
    for any in ["anyOf", "oneOf", "allOf"] {
        let of: Vec<String> = items(&schema[any]).map(kind).collect();
        if !of.is_empty() {
            return of.join(if any == "allOf" { " and " } else { " or " });
        }
    }
    let words: Vec<String> =
        items(&schema["enum"]).map(|word| format!("<code>{}</code>", Text(word))).collect();
    if !words.is_empty() {
        return words.join(", ");
    }
    if let Some(word) = schema.get("const") {
        return format!("<code>{}</code>", Text(word));
    }
    let name = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        kind => kind.as_str().unwrap_or("anything").to_owned(),
    };
    let name = html::escaped(&name);
    if schema["items"].is_object() {
        return format!("{name} of {}", kind(&schema["items"]));
    }
    match schema["format"].as_str() {
        Some(format) => format!("{name} ({})", html::escaped(format)),
        None => name,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_page_has_every_call_and_shape_and_what_is_said_in_them_is_text() {
        let description = json!({
            "info": { "title": "A<b>", "version": "1", "summary": "S" },
            "paths": { "/x/{id}": { "post": {
                "summary": "Does <script>x</script>",
                "security": [{ "apiKey": ["admin"] }],
                "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" } }],
                "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } },
                "responses": { "default": { "description": "It was refused." } },
            } } },
            "components": { "schemas": { "Thing": {
                "required": ["a"],
                "properties": { "a": { "type": ["string", "null"] }, "b": { "type": "array", "items": { "enum": ["x\"y"] } } },
            } } },
        });
        let page = page(&description.to_string());
        for part in [
            "<title>A&lt;b&gt; API</title>",
            "<code class=\"post\">POST</code> <code>/x/{id}</code> Does &lt;script&gt;x&lt;/script&gt;",
            "apiKey: admin",
            "<code>id</code> <b>*</b></td><td>path</td><td>string (uuid)</td>",
            "<a href=\"#shape-Thing\">Thing</a>",
            "<h3>Otherwise: It was refused.</h3>",
            "<details id=\"shape-Thing\">",
            "<code>a</code> <b>*</b></td><td>string or null</td>",
            "array of <code>x&quot;y</code>",
        ] {
            assert!(page.contains(part), "{part} is not in\n{page}");
        }
        assert!(!page.contains("<script"), "{page}");
    }
}
