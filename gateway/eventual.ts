/** What is mostly known at once. Awaited all the same, it would cost a connection turns of the event loop, and its answer a write of its own. */
export type Eventual<T> = T | Promise<T>

/** In this very turn where the value is known. */
export function onceKnown<T, U>(value: Eventual<T>, then: (value: T) => Eventual<U>): Eventual<U> {
  return value instanceof Promise ? value.then(then) : then(value)
}
