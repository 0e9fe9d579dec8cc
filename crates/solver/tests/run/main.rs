//! Whole runs of a tiny net, with stores in memory. One binary, so that it links once.

#[cfg(test)]
mod breaks;
#[cfg(test)]
mod goals;
#[cfg(test)]
mod lounge;
#[cfg(test)]
mod methods;
#[cfg(test)]
mod resume;
#[cfg(test)]
mod support;
#[cfg(test)]
mod updates;
