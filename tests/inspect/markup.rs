//! A strict reader of the pages: only what is right by the rules of both HTML and XML passes.

use std::collections::BTreeSet;

/// A page that is well-formed and needs nothing but itself.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) elements: Vec<Element>,
}

/// An element.
#[derive(Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    /// Its own text and that of all in it.
    pub(crate) text: String,
    /// Number of the element that it is in.
    parent: Option<usize>,
}

impl Element {
    /// The value of an attribute.
    pub(crate) fn get(&self, attribute: &str) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == attribute).map(|(_, value)| value.as_str())
    }
}

impl Page {
    /// Reads a page; panics unless everything is right.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).expect("a page is UTF-8");
        let mut rest = text.strip_prefix("<!DOCTYPE html>\n").expect("it says that it is HTML");
        let mut page = Self { elements: Vec::new() };
        let mut open: Vec<usize> = Vec::new();
        while let Some(at) = rest.find('<') {
            page.add_text(&open, &unescaped(&rest[..at]));
            let end = at + rest[at..].find('>').expect("every tag ends");
            let tag = &rest[at + 1..end];
            rest = &rest[end + 1..];
            if let Some(name) = tag.strip_prefix('/') {
                let last = open.pop().unwrap_or_else(|| panic!("nothing is open at </{name}>"));
                assert_eq!(page.elements[last].name, name);
                continue;
            }
            let (tag, whole) = tag.strip_suffix(" /").map_or((tag, false), |tag| (tag, true));
            let mut element = element(tag);
            element.parent = open.last().copied();
            assert!(whole || !["meta", "input", "br", "rect", "path"].contains(&element.name.as_str()), "<{tag}>");
            let raw = ["script", "style"].contains(&element.name.as_str());
            page.elements.push(element);
            if raw {
                let name = page.elements.last().unwrap().name.clone();
                let (inside, behind) = rest.split_once(&format!("</{name}>")).expect("it ends");
                page.elements.last_mut().unwrap().text = inside.to_owned();
                rest = behind;
            } else if !whole {
                open.push(page.elements.len() - 1);
            }
        }
        assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest:?}");
        page.check_references();
        page.check_that_it_stands_alone(text);
        page.check_that_all_can_use_it();
        page
    }

    fn add_text(&mut self, open: &[usize], text: &str) {
        open.iter().for_each(|element| self.elements[*element].text.push_str(text));
    }

    /// All elements of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.elements.iter().filter(move |element| element.name == name)
    }

    /// The texts of the cells of every row of every table.
    pub(crate) fn rows(&self) -> Vec<Vec<String>> {
        let rows = self.elements.iter().enumerate().filter(|(_, element)| element.name == "tr");
        let cells = |row: usize| self.elements.iter().filter(move |element| element.parent == Some(row));
        rows.map(|(row, _)| cells(row).map(|cell| cell.text.trim().to_owned()).collect()).collect()
    }

    fn check_references(&self) {
        let ids: Vec<&str> = self.elements.iter().filter_map(|element| element.get("id")).collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{ids:?}");
        for element in &self.elements {
            for attribute in ["for", "aria-labelledby"] {
                assert!(element.get(attribute).is_none_or(|id| unique.contains(id)), "{element:?}");
            }
        }
    }

    fn check_that_it_stands_alone(&self, text: &str) {
        for element in &self.elements {
            assert!(!["link", "iframe", "img", "object", "base", "form", "a"].contains(&element.name.as_str()));
            for (name, _) in &element.attributes {
                assert!(
                    !["src", "href", "style", "action"].contains(&name.as_str()) && !name.starts_with("on"),
                    "{element:?}"
                );
            }
        }
        for outside in ["://", "url(", "@import", "import(", "fetch(", "XMLHttpRequest"] {
            assert!(!text.contains(outside), "{outside}");
        }
        let policies: Vec<_> = self.all("meta").filter(|meta| meta.get("http-equiv").is_some()).collect();
        assert!(policies.len() == 1 && policies[0].get("content").unwrap().starts_with("default-src 'none'"));
    }

    fn check_that_all_can_use_it(&self) {
        assert_eq!((self.all("h1").count(), self.all("main").count()), (1, 1));
        assert!(self.all("html").all(|html| html.get("lang").is_some()));
        for heading in self.all("th") {
            assert!(heading.get("scope").is_some(), "{heading:?}");
        }
        for input in self.all("input") {
            let labelled = self.all("label").any(|label| label.get("for") == input.get("id") && !label.text.is_empty());
            assert!(labelled, "{input:?}");
        }
        for picture in self.all("svg") {
            let named = picture.get("role") == Some("img") && picture.get("aria-labelledby").is_some();
            assert!(named || picture.get("aria-hidden") == Some("true"), "{picture:?}");
        }
        assert!(self.all("style").any(|style| style.text.contains("prefers-color-scheme: dark")));
    }
}

/// Name and attributes, each of which has a value in double quotes.
fn element(tag: &str) -> Element {
    let (name, mut rest) = tag.split_once(' ').unwrap_or((tag, ""));
    assert!(!name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric()), "<{tag}>");
    let mut element = Element { name: name.to_owned(), ..Element::default() };
    while !rest.is_empty() {
        let (attribute, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("<{tag}>"));
        let (value, after) = after.split_once('"').unwrap_or_else(|| panic!("<{tag}>"));
        assert!(attribute.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-'), "<{tag}>");
        assert!(element.get(attribute).is_none(), "{attribute} twice in <{tag}>");
        element.attributes.push((attribute.to_owned(), unescaped(value)));
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    element
}

fn unescaped(text: &str) -> String {
    assert!(!text.contains(['<', '>']), "{text:?}");
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (entity, after) = part.split_once(';').unwrap_or_else(|| panic!("& in {text:?}"));
        plain.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" => '\'',
            _ => panic!("&{entity}; in {text:?}"),
        });
        plain.push_str(after);
    }
    plain
}
