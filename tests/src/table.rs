//! Tables of cases: tab-separated text with one header line.

use std::fmt;
use std::str::FromStr;

/// A table of cases.
#[derive(Clone, Debug)]
pub struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// One case of a table.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    columns: &'a [String],
    fields: &'a [String],
}

impl Table {
    /// Reads a table; every line must have as many fields as the header.
    pub fn parse(text: &str) -> Self {
        let mut lines = text.lines().map(|line| line.split('\t').map(String::from).collect::<Vec<_>>());
        let columns = lines.next().expect("a table has a header");
        let rows: Vec<_> = lines.collect();
        for row in &rows {
            assert_eq!(row.len(), columns.len(), "fields of {row:?} under {columns:?}");
        }
        assert!(!rows.is_empty(), "a table without cases tests nothing: {columns:?}");
        Self { columns, rows }
    }

    /// The cases in order.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|fields| Row { columns: &self.columns, fields })
    }
}

impl<'a> Row<'a> {
    /// The field of a column.
    pub fn get(&self, column: &str) -> &'a str {
        let index = self.columns.iter().position(|name| name == column);
        &self.fields[index.unwrap_or_else(|| panic!("no column {column} in {:?}", self.columns))]
    }

    /// The field of a column as a number or whatever else parses.
    pub fn parse<T: FromStr>(&self, column: &str) -> T {
        let text = self.get(column);
        text.parse().unwrap_or_else(|_| panic!("column {column} of {self:?} does not parse"))
    }
}

impl fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.columns.iter().zip(self.fields)).finish()
    }
}
