//! Reading a journal that somebody else may be writing, or that nobody opened: nothing is cut off, removed or written again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::segment::{HEADER_BYTES, number_of, path_of};
use super::{JournalError, JournalReader, Position};
use crate::store::disk::Disk;

impl JournalReader {
    /// The journal in a folder as it is. A torn tail lies beyond its end; damage lies before it and is met by a scan.
    pub fn inspect(disk: Arc<dyn Disk>, dir: &Path) -> Result<JournalReader, JournalError> {
        let names = disk.list(dir)?;
        let last = names.iter().filter_map(|name| number_of(name)).max();
        let reader = JournalReader::new(disk, dir.to_path_buf());
        reader.publish(match last {
            None => Position::START,
            Some(number) => reader.whole_end(number)?,
        });
        Ok(reader)
    }

    /// The files of the journal up to its end, as (path, bytes that belong to it), in order.
    pub fn files(&self) -> Result<Vec<(PathBuf, u64)>, JournalError> {
        let end = self.end();
        (1..=end.segment())
            .map(|number| {
                let bytes = if number == end.segment() {
                    end.offset()
                } else {
                    self.segment(number)?.length()?
                };
                Ok((path_of(self.dir(), number), u64::from(bytes)))
            })
            .collect()
    }

    /// The end of the last whole group of the last segment, unless what follows it is damage and no torn tail.
    fn whole_end(&self, last: u32) -> Result<Position, JournalError> {
        let segment = match self.segment(last) {
            // It is being made.
            Err(_) if last > 1 => return Ok(Position::new(last - 1, self.segment(last - 1)?.length()?)),
            other => other?,
        };
        let limit = segment.length()?;
        let mut at = HEADER_BYTES;
        let mut next_group = segment.first_group;
        while at < limit {
            match segment.group_at(at, limit) {
                Ok(group) => {
                    at = group.end.offset();
                    next_group = group.number + 1;
                }
                Err(JournalError::Damaged { .. }) => {
                    if segment.later_group_behind(at, next_group, limit)? {
                        return Ok(Position::new(last, limit));
                    }
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        if at == HEADER_BYTES && last > 1 {
            return Ok(Position::new(last - 1, self.segment(last - 1)?.length()?));
        }
        Ok(Position::new(last, at))
    }
}
