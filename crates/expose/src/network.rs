//! Maximum flow in a network (Dinic, 1970).
//!
//! Limits: at most [`MAXIMUM_ROUNDS`] rounds of levels, far above what networks without circles of this size take.

use std::collections::VecDeque;

/// Stands for a capacity without end; larger than any sum that is met.
pub(crate) const NO_END: f64 = 1e30;
/// Most rounds of levels.
const MAXIMUM_ROUNDS: usize = 10_000;
/// Less than this is nothing: sums of numbers as they stand in files are exact to far more.
const NOTHING: f64 = 1e-6;

struct Edge {
    to: usize,
    left: f64,
}

/// A network under construction, then in flow. Edge `2n` and its way back `2n + 1` are a pair.
pub(crate) struct Network {
    edges: Vec<Edge>,
    from: Vec<Vec<usize>>,
}

impl Network {
    pub(crate) fn new(nodes: usize) -> Self {
        Self { edges: Vec::new(), from: vec![Vec::new(); nodes] }
    }

    pub(crate) fn edge(&mut self, from: usize, to: usize, capacity: f64) {
        self.from[from].push(self.edges.len());
        self.edges.push(Edge { to, left: capacity });
        self.from[to].push(self.edges.len());
        self.edges.push(Edge { to: from, left: 0.0 });
    }

    /// The most that flows from one node to another; [`NO_END`] at most.
    pub(crate) fn most(&mut self, source: usize, sink: usize) -> f64 {
        let mut total = 0.0;
        for _ in 0..MAXIMUM_ROUNDS {
            let Some(levels) = self.levels(source, sink) else { break };
            let mut next = vec![0; self.from.len()];
            loop {
                let pushed = self.push(source, sink, &levels, &mut next);
                if pushed <= NOTHING {
                    break;
                }
                total += pushed;
                if total >= NO_END {
                    return NO_END;
                }
            }
        }
        total
    }

    fn levels(&self, source: usize, sink: usize) -> Option<Vec<usize>> {
        let mut levels = vec![usize::MAX; self.from.len()];
        levels[source] = 0;
        let mut open = VecDeque::from([source]);
        while let Some(at) = open.pop_front() {
            for &edge in &self.from[at] {
                let Edge { to, left } = self.edges[edge];
                if left > NOTHING && levels[to] == usize::MAX {
                    levels[to] = levels[at] + 1;
                    open.push_back(to);
                }
            }
        }
        (levels[sink] != usize::MAX).then_some(levels)
    }

    /// One path that is not yet full, without recursion: networks can be as deep as there are elements.
    fn push(&mut self, source: usize, sink: usize, levels: &[usize], next: &mut [usize]) -> f64 {
        let mut path: Vec<usize> = Vec::new();
        let mut at = source;
        loop {
            if at == sink {
                let least = path.iter().map(|&edge| self.edges[edge].left).fold(NO_END, f64::min);
                for &edge in &path {
                    self.edges[edge].left -= least;
                    self.edges[edge ^ 1].left += least;
                }
                return least;
            }
            match self.from[at].get(next[at]) {
                Some(&edge) => {
                    let Edge { to, left } = self.edges[edge];
                    if left > NOTHING && levels[to] == levels[at] + 1 {
                        path.push(edge);
                        at = to;
                    } else {
                        next[at] += 1;
                    }
                }
                None => {
                    let Some(edge) = path.pop() else { return 0.0 };
                    at = self.edges[edge ^ 1].to;
                    next[at] += 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flow_is_the_least_cut() {
        // CLRS, figure of chapter "Maximum flow": 23.
        let mut network = Network::new(6);
        for (from, to, capacity) in [
            (0, 1, 16.0),
            (0, 2, 13.0),
            (2, 1, 4.0),
            (1, 3, 12.0),
            (3, 2, 9.0),
            (2, 4, 14.0),
            (4, 3, 7.0),
            (3, 5, 20.0),
            (4, 5, 4.0),
        ] {
            network.edge(from, to, capacity);
        }
        assert!((network.most(0, 5) - 23.0).abs() < 1e-9);
    }

    #[test]
    fn without_an_end_there_is_none() {
        let mut network = Network::new(3);
        network.edge(0, 1, NO_END);
        network.edge(1, 2, NO_END);
        assert!(network.most(0, 2) >= NO_END);
    }
}
