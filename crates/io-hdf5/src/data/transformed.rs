//! A reader whose samples are changed on their way, in the thread that reads ahead.

use super::{order::Cursor, reader::Reader};
use crate::Result;
use core_tensor::Element;
use layers::Transformer;

/// Another reader's samples, changed.
pub(crate) struct Transformed<T> {
    reader: Box<dyn Reader<T>>,
    /// By top: elements of a sample, and what is done to it.
    tops: Vec<(usize, Vec<Transformer>)>,
}

impl<T> Transformed<T> {
    /// Changes the samples of each top, which have so many elements.
    pub(crate) fn new(reader: Box<dyn Reader<T>>, tops: Vec<(usize, Vec<Transformer>)>) -> Self {
        Transformed { reader, tops }
    }
}

impl<T: Element> Reader<T> for Transformed<T> {
    fn order_name(&self) -> String {
        self.reader.order_name()
    }

    fn rows_at_once(&self) -> usize {
        self.reader.rows_at_once()
    }

    fn seek(&mut self, cursor: Cursor) -> Result<()> {
        self.reader.seek(cursor)
    }

    fn next(&mut self, row: usize, tops: &mut [Vec<T>]) -> Result<()> {
        self.reader.next(row, tops)?;
        for ((len, transformers), values) in self.tops.iter().zip(tops) {
            let sample = &mut values[row * len..(row + 1) * len];
            transformers.iter().for_each(|transformer| transformer.apply(sample));
        }
        Ok(())
    }
}
