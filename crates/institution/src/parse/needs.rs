//! Needs expressions: names, lists, `{ all = [...] }` and `{ any = k, of = [...] }`.

use super::{Builder, Need};
use crate::needs::{Element, Needs};
use crate::reader::{Span, Value};
use crate::schema;

/// Deepest nesting of a needs expression.
pub const MAXIMUM_NEEDS_DEPTH: usize = 16;
/// Most names in one needs expression.
pub const MAXIMUM_NEEDS_ELEMENTS: usize = 1000;

impl<'t, 'i> Builder<'t, 'i> {
    pub(super) fn needs(&mut self, from: Element, value: Option<&'t Value<'i>>) -> Option<Needs> {
        let value = value?;
        let before = self.places.needs.len();
        let needs = self.needs_at(from, value, MAXIMUM_NEEDS_DEPTH, before);
        if self.places.needs.len() - before > MAXIMUM_NEEDS_ELEMENTS {
            let message = format!("more than {MAXIMUM_NEEDS_ELEMENTS} names in one expression");
            self.reader.error(value.span(), message);
        }
        needs
    }

    fn needs_at(&mut self, from: Element, value: &'t Value<'i>, depth: usize, first: usize) -> Option<Needs> {
        if depth == 0 {
            self.reader.error(value.span(), format!("nested deeper than {MAXIMUM_NEEDS_DEPTH}"));
            return None;
        }
        if self.places.needs.len() - first > MAXIMUM_NEEDS_ELEMENTS {
            return None;
        }
        if value.get_ref().is_str() {
            let text = self.reader.text(value)?;
            let to = self.element(&text)?;
            self.places.needs.push(Need { from, to, span: text.span });
            return Some(Needs::Element(to));
        }
        if value.get_ref().is_array() {
            return self.needs_list(from, value, depth, first).map(Needs::All);
        }
        if !value.get_ref().is_table() {
            let found = value.get_ref().type_str();
            let help = "a name, a list of names, `{ all = [...] }` or `{ any = 1, of = [...] }`";
            self.reader.error_with_help(
                value.span(),
                format!("expected what is needed, found `{found}`"),
                help,
            );
            return None;
        }
        let table = self.reader.table(value, &value.span(), &schema::NEEDS_TABLE)?;
        match (table.get("all"), table.get("any"), table.get("of")) {
            (Some(all), None, None) => self.needs_list(from, all, depth, first).map(Needs::All),
            (None, Some(any), Some(of)) => {
                let list = self.needs_list(from, of, depth, first);
                self.any(any, of, list)
            }
            _ => {
                let help = "write `{ all = [...] }` or `{ any = 1, of = [...] }`";
                self.reader.error_with_help(value.span(), "expected either `all`, or `any` with `of`", help);
                None
            }
        }
    }

    fn needs_list(
        &mut self,
        from: Element,
        value: &'t Value<'i>,
        depth: usize,
        first: usize,
    ) -> Option<Vec<Needs>> {
        if value.get_ref().as_array().is_some_and(|list| list.is_empty()) {
            self.reader.error(value.span(), "this list must not be empty");
            return None;
        }
        let list = self.reader.list(Some(value));
        let mut needs = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for value in list {
            let name = value.get_ref().as_str();
            if let Some(name) = name.filter(|name| names.contains(name)) {
                self.reader.error(
                    value.span(),
                    format!("`{}` is in this list twice", crate::reader::shortened(name)),
                );
            }
            names.extend(name.filter(|_| names.len() < MAXIMUM_NEEDS_ELEMENTS));
            needs.extend(self.needs_at(from, value, depth - 1, first));
        }
        // What could not be read has been reported; counting the rest would report it again.
        (needs.len() == list.len()).then_some(needs)
    }

    fn any(&mut self, any: &Value<'_>, of: &Value<'_>, list: Option<Vec<Needs>>) -> Option<Needs> {
        let count = self.reader.whole(any, 1..=MAXIMUM_NEEDS_ELEMENTS as u32)? as usize;
        let length = of.get_ref().as_array().map_or(0, |list| list.len());
        if count > length && length > 0 {
            self.at_most(any.span(), count, length);
            return None;
        }
        Some(Needs::Any { count, of: list? })
    }

    fn at_most(&mut self, span: Span, count: usize, length: usize) {
        self.reader.error(span, format!("any {count} of {length} can never hold"));
    }
}
