//! Which single elements every path from outside to a service passes, for the picture (Cooper, Harvey and Kennedy, 2001).
//!
//! Paths are taken as if one of several needs were enough, so this shows less than the cut sets: what two needs have
//! in common is a dominator, what only one of two needs has is not. Findings come of the cut sets.

use crate::model::Model;

/// The immediate dominator of each element; none where the way from outside begins, or several ways meet.
///
/// An element without needs begins at the outside.
///
/// # Errors
/// When needs go in a circle.
pub fn dominators(model: &Model) -> Result<Vec<Option<usize>>, crate::model::Error> {
    let needed = model.needed();
    let order = model.order()?;
    let mut position = vec![0; model.elements.len()];
    order.iter().enumerate().for_each(|(at, &place)| position[place] = at);
    // In the order in which what is needed comes first, one pass is enough: there are no circles.
    let mut above: Vec<Option<usize>> = vec![None; model.elements.len()];
    for &place in &order {
        let mut common: Option<Option<usize>> = None;
        for &next in &needed[place] {
            common = Some(match common {
                None => Some(next),
                Some(one) => meet(one, Some(next), &above, &position),
            });
        }
        above[place] = common.flatten();
    }
    Ok(above)
}

/// The nearest element above both; none is the outside.
fn meet(
    mut one: Option<usize>,
    mut other: Option<usize>,
    above: &[Option<usize>],
    position: &[usize],
) -> Option<usize> {
    while one != other {
        let (a, b) = (one?, other?);
        if position[a] > position[b] { one = above[a] } else { other = above[b] }
    }
    one
}

/// Every element that dominates one, the nearest first.
pub fn chain(above: &[Option<usize>], place: usize) -> Vec<usize> {
    let mut chain = Vec::new();
    let mut at = place;
    while let Some(next) = above.get(at).copied().flatten().filter(|_| chain.len() < above.len()) {
        chain.push(next);
        at = next;
    }
    chain
}
