//! What is attached to calls and given as reasons: a key-value list as a JSON object.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::mem;

use serde::{Deserialize, Serialize};

/// A key-value list, by key.
///
/// It may hold what customers said: its debug form, which may reach a log, tells no content.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserData(BTreeMap<String, UserValue>);

/// What stands under one key. Bytes stand as the text of their base64.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum UserValue {
    /// A number.
    Int(i32),
    /// A text.
    Text(String),
    /// A list of its own.
    List(UserData),
    /// The values of a key that was sent more than once, in the order sent.
    Repeated(Vec<UserValue>),
}

impl UserData {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn add(&mut self, key: String, value: UserValue) {
        match self.0.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(value);
            }
            Entry::Occupied(mut entry) => match entry.get_mut() {
                UserValue::Repeated(values) => values.push(value),
                first => {
                    let first_value = mem::replace(first, UserValue::Int(0));
                    *first = UserValue::Repeated(vec![first_value, value]);
                }
            },
        }
    }
}

impl FromIterator<(String, UserValue)> for UserData {
    fn from_iter<I: IntoIterator<Item = (String, UserValue)>>(pairs: I) -> Self {
        let mut data = Self::default();
        for (key, value) in pairs {
            data.add(key, value);
        }
        data
    }
}

impl fmt::Debug for UserData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserData({} keys)", self.0.len())
    }
}

impl fmt::Debug for UserValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserValue(..)")
    }
}
