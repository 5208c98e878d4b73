//! A list that is empty nearly always: eight bytes while it is.

/// A list, in order of arrival.
#[derive(Debug)]
#[expect(
    clippy::box_collection,
    reason = "a third of the size while there is none"
)]
pub(super) struct Few<T>(Option<Box<Vec<T>>>);

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Few<T> {
    pub(super) fn push(&mut self, value: T) {
        self.0.get_or_insert_default().push(value);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |list| list.len())
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.as_ref().map_or(&[][..], |list| list).iter()
    }

    pub(super) fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.0.as_mut().map_or(&mut [][..], |list| list).iter_mut()
    }

    /// All of them, taken out.
    pub(super) fn take(&mut self) -> Vec<T> {
        self.0.take().map_or_else(Vec::new, |list| *list)
    }

    /// The first `count`, taken out.
    pub(super) fn take_first(&mut self, count: usize) -> Vec<T> {
        let mut first = self.take();
        let rest = first.split_off(count.min(first.len()));
        *self = rest.into();
        first
    }

    /// Takes out the first that `is_it` says it is.
    pub(super) fn take_one(&mut self, is_it: impl FnMut(&T) -> bool) -> Option<T> {
        let at = self.iter().position(is_it)?;
        let mut all = self.take();
        let one = all.remove(at);
        *self = all.into();
        Some(one)
    }
}

impl<T> From<Vec<T>> for Few<T> {
    fn from(list: Vec<T>) -> Self {
        Self((!list.is_empty()).then(|| Box::new(list)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_order_of_arrival() {
        let mut few = Few::default();
        assert_eq!(size_of::<Few<u8>>(), 8);
        assert!(few.is_empty() && few.iter().next().is_none() && few.iter_mut().next().is_none());
        for value in 1..=5 {
            few.push(value);
        }
        assert_eq!(few.len(), 5);
        assert_eq!(few.take_one(|value| *value == 3), Some(3));
        assert_eq!(few.take_one(|value| *value == 3), None);
        assert_eq!(few.take_first(2), [1, 2]);
        few.iter_mut().for_each(|value| *value *= 10);
        assert!(few.iter().eq(&[40, 50]));
        assert_eq!(few.take_first(9), [40, 50]);
        assert!(few.take().is_empty());
    }
}
