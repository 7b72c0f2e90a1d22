//! Fibers: a handshake step that can stop in the middle and continue later, also on another thread.
//!
//! rustls calls its verifiers, resolvers and signers synchronously. Ours call [`suspend`], which keeps rustls's stack
//! and returns to the host; [`Fiber::run`] continues it once the question has its answer. ARCHITECTURE.md ("Fibers") says why
//! this is sound; the rules in short:
//!
//! - What is on a suspended stack is `Send`: rustls's connection and states, our hooks' locals.
//! - The thread-local that finds the fiber is set before and restored after every resume. It is accessed only by functions that
//!   are not inlined, so that no address of it outlives a switch to another thread.
//! - No lock, borrow or thread-local closure is open across a suspension.
//! - A fiber that is dropped while suspended is resumed as cancelled until it returns: everything on its
//!   stack ends in the ordinary way. Forced unwinding is left for what ignores that, which nothing does.
//! - What needs more stack than a fiber has runs under [`on_host_stack`], on the stack of the thread that resumed the fiber. It
//!   cannot suspend: while it runs this thread is in no fiber.

#![expect(unsafe_code, reason = "switching stacks is beyond what the compiler can check")]

pub(crate) mod stack;
mod valgrind;
mod watched;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null;

use corosensei::{Coroutine, CoroutineResult, Yielder};

use super::question::{Answerable, Ask, OpenQuestion};
#[cfg(test)]
use crate::outcome::faults;
use crate::wiping::registers;
use crate::wiping::stack::forget;
use stack::FiberStack;
use watched::Watched;

#[cfg(panic = "abort")]
compile_error!("spantls contains panics and must be built with panic = \"unwind\"");

/// Bytes below a suspension in which the steps of the call, this one too, have left secrets: a step takes 17 KiB in all.
const EARLIER_STEPS: usize = 16 << 10;

/// How far a fiber came.
pub(crate) enum Step<R> {
    /// It asks something and waits.
    Suspended(OpenQuestion),
    /// It is done.
    Returned(R),
}

/// A step with its own stack.
pub(crate) struct Fiber<R> {
    coroutine: Coroutine<Resume, OpenQuestion, R, FiberStack>,
    link: Box<Link>,
    watched: Watched,
}

// SAFETY: the coroutine is not Send only because the compiler cannot check what is on its stack. Here it is the body and its
// result, which are Send by the bounds of `new`, rustls's frames, which hold no thread-bound values while they call a
// hook (its connection and state types are Send, and it uses no thread-locals), and our hooks' frames, which hold values
// only. The stack is shared with the `CallStack` of the call that runs the fiber, which is gone before the fiber can move. The
// link is reached by the resuming thread alone: `resume` and `drop` need the fiber mutably.
unsafe impl<R: Send> Send for Fiber<R> {}

/// How a fiber is resumed.
#[derive(PartialEq, Eq)]
enum Resume {
    Continued,
    Cancelled,
}

/// What `suspend` needs to find its way out. Its address stays the same for the life of the fiber.
struct Link {
    yielder: Cell<*const Yielder<Resume, OpenQuestion>>,
    cancelled: Cell<bool>,
}

thread_local! {
    /// The link of the fiber that this thread is running.
    static CURRENT: Cell<*const Link> = const { Cell::new(null()) };
}

impl<R: Send + 'static> Fiber<R> {
    /// Prepares `body`; nothing runs yet.
    pub(crate) fn new(stack: FiberStack, body: impl FnOnce() -> R + Send + 'static) -> Self {
        let link = Box::new(Link { yielder: Cell::new(null()), cancelled: Cell::new(false) });
        let coroutine = Coroutine::with_stack(stack, move |yielder: &Yielder<Resume, OpenQuestion>, _: Resume| {
            introduce(yielder);
            body()
        });
        Self { coroutine, link, watched: Watched::new() }
    }

    /// Runs the body until its next suspension or its end. The question that it has stopped at may be answered: if it is not,
    /// that is a refusal. A panic of the body comes through here; the fiber is finished then.
    pub(crate) fn run(&mut self) -> Step<R> {
        let _current = SetCurrent::new(&*self.link);
        let _entered = self.watched.enter();
        let resumed = self.coroutine.resume(Resume::Continued);
        // What handshakes compute leaves parts of keys there.
        registers::clear();
        match resumed {
            CoroutineResult::Yield(question) => Step::Suspended(question),
            CoroutineResult::Return(result) => Step::Returned(result),
        }
    }
}

impl<R> Drop for Fiber<R> {
    fn drop(&mut self) {
        if !self.coroutine.started() || self.coroutine.done() {
            return;
        }
        self.link.cancelled.set(true);
        let _current = SetCurrent::new(&*self.link);
        let _entered = self.watched.enter();
        // With the link cancelled no hook suspends again, so one resume is enough; a panic on the way ends it as well.
        let end = catch_unwind(AssertUnwindSafe(|| self.coroutine.resume(Resume::Cancelled)));
        registers::clear();
        debug_assert!(!matches!(end, Ok(CoroutineResult::Yield(_))));
        if let Err(payload) = end {
            // Dropping a payload runs foreign code that may panic again.
            std::mem::forget(payload);
        }
    }
}

/// Asks the host something from within a fiber, and returns its answer, perhaps on another thread. There is none if the host
/// refuses; outside of a fiber, and in one that is being cancelled, there is none at once.
pub(crate) fn suspend<Q: Answerable>(question: Q) -> Option<Q::Answer> {
    let ask = Ask::new(question);
    let resumed = wait(Q::open(ask.clone()));
    #[cfg(test)]
    faults::reach(faults::Place::Suspension);
    match resumed {
        Resume::Continued => ask.answer().cloned(),
        Resume::Cancelled => None,
    }
}

#[inline(never)]
fn wait(question: OpenQuestion) -> Resume {
    let link = CURRENT.get();
    // SAFETY: null, or set by the `run` that is running us, which holds the link's box borrowed.
    let Some(link) = (unsafe { link.as_ref() }) else { return Resume::Cancelled };
    if link.cancelled.get() {
        return Resume::Cancelled;
    }
    // SAFETY: set by `introduce` to the yielder at the root of this very stack.
    let Some(yielder) = (unsafe { link.yielder.get().as_ref() }) else { return Resume::Cancelled };
    // The host may take its time.
    forget::<EARLIER_STEPS>();
    yielder.suspend(question)
}

/// Runs `deep`, which may need far more stack than a fiber has, on the stack of the thread that resumed this fiber; outside
/// of a fiber, where it is called. A panic of `deep` continues from here.
///
/// The fiber stays as it is below the call, neither suspended nor able to: the resuming `run` stands on the stack that
/// `deep` runs on, so leaving the fiber from there would run over it. Hence `deep` finds no fiber and its questions are
/// not answered. It ends on the thread that it began on, so the link may be put back afterwards. It may
/// begin fibers of its own.
#[inline(never)]
pub(crate) fn on_host_stack<R>(deep: impl FnOnce() -> R + Send) -> R {
    let link = CURRENT.get();
    // SAFETY: null, or set by the `run` that is running us, which holds the link's box borrowed.
    let yielder = unsafe { link.as_ref() }.map(|link| link.yielder.get());
    // SAFETY: set by `introduce` to the yielder at the root of this very stack.
    match yielder.and_then(|yielder| unsafe { yielder.as_ref() }) {
        None => deep(),
        Some(yielder) => {
            let _in_no_fiber = SetCurrent::new(null());
            yielder.on_parent_stack(deep)
        }
    }
}

/// Stores the way out of the fiber that begins here in its link.
#[inline(never)]
fn introduce(yielder: &Yielder<Resume, OpenQuestion>) {
    // SAFETY: null, or set by the `run` that is running us, which holds the link's box borrowed.
    if let Some(link) = unsafe { CURRENT.get().as_ref() } {
        link.yielder.set(yielder);
    }
}

/// Makes a link, or none, current on this thread; restores the previous one, after a panic too.
struct SetCurrent {
    outer: *const Link,
}

impl SetCurrent {
    #[inline(never)]
    fn new(link: *const Link) -> Self {
        Self { outer: CURRENT.replace(link) }
    }
}

impl Drop for SetCurrent {
    #[inline(never)]
    fn drop(&mut self) {
        CURRENT.set(self.outer);
    }
}

#[cfg(test)]
mod tests {
    use super::stack::CallStack;
    use super::*;
    use crate::handshake::question::PeerChain;

    fn on_pool<R: Send + 'static>(body: impl FnOnce() -> R + Send + 'static) -> Fiber<R> {
        Fiber::new(CallStack::default().for_next_step().unwrap(), body)
    }

    fn ask() -> Option<()> {
        suspend(PeerChain(std::sync::Arc::new([])))
    }

    /// Gives the answer to the question that a fiber has stopped at.
    fn accept<R>(step: Step<R>) {
        let Step::Suspended(OpenQuestion::Certificate(ask)) = step else { panic!("asks nothing") };
        ask.give(()).unwrap();
    }

    #[test]
    fn a_fiber_moves_between_threads_twice() {
        let mut fiber = on_pool(|| {
            let first = ask();
            let second = ask();
            (first, second)
        });
        accept(fiber.run());
        let mut fiber = std::thread::spawn(move || {
            assert!(matches!(fiber.run(), Step::Suspended(OpenQuestion::Certificate(_))));
            fiber
        })
        .join()
        .unwrap();
        let end = std::thread::spawn(move || match fiber.run() {
            Step::Returned(end) => end,
            Step::Suspended(_) => panic!("suspended again"),
        })
        .join()
        .unwrap();
        assert_eq!(end, (Some(()), None));
    }

    #[test]
    fn dropping_a_suspended_fiber_ends_everything_on_its_stack() {
        struct Flag(std::sync::Arc<std::sync::atomic::AtomicU32>);
        impl Drop for Flag {
            fn drop(&mut self) {
                self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
        }
        let drops = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
        let flag = Flag(drops.clone());
        let mut fiber = on_pool(move || {
            let _flag = flag;
            // The second question is answered without suspending.
            (ask(), ask())
        });
        assert!(matches!(fiber.run(), Step::Suspended(_)));
        drop(fiber);
        assert_eq!(drops.load(std::sync::atomic::Ordering::SeqCst), 1);

        let flag = Flag(drops.clone());
        drop(on_pool(move || drop(flag)));
        assert_eq!(drops.load(std::sync::atomic::Ordering::SeqCst), 2, "never begun");
    }

    #[test]
    fn a_panic_in_a_fiber_reaches_the_thread_that_resumes_it() {
        let mut fiber = on_pool(|| {
            ask();
            panic!("inside");
        });
        accept::<()>(fiber.run());
        let panic = catch_unwind(AssertUnwindSafe(|| fiber.run()));
        assert!(panic.is_err());
        assert!(CURRENT.get().is_null());
        drop(fiber);
        // The stack is as good as new.
        let mut fiber = on_pool(|| 7);
        assert!(matches!(fiber.run(), Step::Returned(7)));
    }

    #[test]
    fn a_panic_while_cancelling_is_contained() {
        let mut fiber = on_pool(|| {
            if ask().is_none() {
                panic!("while cancelling");
            }
        });
        assert!(matches!(fiber.run(), Step::Suspended(_)));
        drop(fiber);
    }

    #[test]
    fn fibers_nest() {
        let mut outer = on_pool(|| {
            let mut inner = on_pool(ask);
            assert!(matches!(inner.run(), Step::Suspended(_)));
            let own = ask();
            let Step::Returned(inner) = inner.run() else { panic!("suspended again") };
            (own, inner)
        });
        accept(outer.run());
        assert!(matches!(outer.run(), Step::Returned((Some(()), None))));
    }

    /// Where the stack is now.
    #[inline(never)]
    fn depth() -> usize {
        let here = 0u8;
        std::hint::black_box(&raw const here) as usize
    }

    /// More stack than a fiber has.
    #[inline(never)]
    fn deep() -> usize {
        let room = [7u8; 512 << 10];
        std::hint::black_box(&room).iter().map(|byte| usize::from(*byte)).sum()
    }

    #[test]
    fn deep_work_runs_on_the_stack_of_the_thread_that_resumed_the_fiber() {
        let mut fiber = on_pool(|| {
            let mut seen = Vec::new();
            for _ in 0..2 {
                seen.push((depth(), on_host_stack(depth), on_host_stack(deep), std::thread::current().id()));
                ask();
            }
            seen
        });
        let near = |one: usize, other: usize| one.abs_diff(other) < 16 << 10;
        let first = depth();
        accept(fiber.run());
        let (fiber, second, thread) = std::thread::spawn(move || {
            let mut fiber = fiber;
            let here = depth();
            accept(fiber.run());
            (fiber, here, std::thread::current().id())
        })
        .join()
        .unwrap();
        let mut fiber = fiber;
        let Step::Returned(seen) = fiber.run() else { panic!("suspended again") };
        let expected = [(first, std::thread::current().id()), (second, thread)];
        for ((own, host, sum, thread), (resumer, its_thread)) in seen.into_iter().zip(expected) {
            assert!(near(host, resumer) && !near(own, resumer), "{own:x} {host:x} {resumer:x}");
            assert_eq!((sum, thread), (7 * (512 << 10), its_thread));
        }
    }

    #[test]
    fn deep_work_cannot_suspend_and_the_fiber_still_can() {
        let mut fiber = on_pool(|| {
            let within = on_host_stack(ask);
            // A fiber within can, as it can on any stack.
            let inner = on_host_stack(|| {
                let mut inner = on_pool(|| (ask(), on_host_stack(ask)));
                assert!(matches!(inner.run(), Step::Suspended(_)));
                let Step::Returned(inner) = inner.run() else { panic!("suspended again") };
                assert!(CURRENT.get().is_null());
                inner
            });
            (within, inner, ask())
        });
        accept(fiber.run());
        assert!(CURRENT.get().is_null());
        assert!(matches!(fiber.run(), Step::Returned((None, (None, None), Some(())))));
    }

    #[test]
    fn a_panic_in_deep_work_unwinds_the_fiber_too() {
        let mut fiber = on_pool(|| {
            let caught = catch_unwind(|| on_host_stack(|| panic!("deep")));
            assert!(caught.is_err());
            // The fiber is whole, and can suspend.
            assert_eq!(ask(), Some(()));
            on_host_stack(|| panic!("deeper"));
        });
        accept::<()>(fiber.run());
        let panic = catch_unwind(AssertUnwindSafe(|| fiber.run()));
        assert_eq!(panic.err().and_then(|payload| payload.downcast_ref::<&str>().copied()), Some("deeper"));
        assert!(CURRENT.get().is_null());
    }

    #[test]
    fn deep_work_is_done_while_a_fiber_is_cancelled() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let mut fiber = on_pool(move || {
            let answer = ask();
            sender.send((on_host_stack(deep), answer)).unwrap();
        });
        assert!(matches!(fiber.run(), Step::Suspended(_)));
        drop(fiber);
        assert!(matches!(receiver.try_recv(), Ok((sum, None)) if sum == 7 * (512 << 10)));
    }

    #[test]
    fn deep_work_outside_of_a_fiber_is_just_done() {
        assert_eq!(on_host_stack(deep), 7 * (512 << 10));
    }

    #[test]
    fn asking_outside_of_a_fiber_is_answered_at_once() {
        assert_eq!(ask(), None);
    }
}
