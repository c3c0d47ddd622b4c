//! Many phones at once.

use std::thread;

use super::phone::DemoPhone;
use crate::error::CliError;

/// Lets every phone work at the same time, each on a thread of its own, and waits for all; the
/// first error is that of the phone that comes first.
pub(super) fn all_at_once<T: Send>(
    phones: &mut [DemoPhone],
    work: impl Fn(&mut DemoPhone) -> Result<T, CliError> + Sync,
) -> Result<Vec<T>, CliError> {
    let work = &work;
    thread::scope(|scope| {
        let working: Vec<_> = phones
            .iter_mut()
            .map(|phone| scope.spawn(move || work(phone)))
            .collect();
        working
            .into_iter()
            .map(|hand| {
                hand.join().unwrap_or_else(|_| {
                    Err(CliError::Demo {
                        code: "demo_phone_panicked",
                        zh: "一台手机的程序异常退出".to_owned(),
                        en: "a phone's thread panicked; its message is above".to_owned(),
                    })
                })
            })
            .collect()
    })
}
