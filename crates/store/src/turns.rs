use std::time::{Duration, Instant};

use tokio::task::yield_now;

use crate::StoreError;

/// How long a request may go on while others wait.
const TURN: Duration = Duration::from_micros(200);

/// Makes something of each, by and by: such work shares few threads with all who wait for a database or a socket, and they are not to wait
/// until a large request is through.
pub(crate) async fn in_turns<T, U>(
    items: impl IntoIterator<Item = T>,
    mut make: impl FnMut(T) -> Result<U, StoreError>,
) -> Result<Vec<U>, StoreError> {
    let items = items.into_iter();
    let (mut made, mut begin) = (Vec::with_capacity(items.size_hint().0), Instant::now());
    for item in items {
        made.push(make(item)?);
        if begin.elapsed() >= TURN {
            yield_now().await;
            begin = Instant::now();
        }
    }
    Ok(made)
}
