// One worker, in Node or in a page: the same few things of both.

/** Who is told what a worker says, and how it ends. */
export interface WorkerListener {
  /** It posted a message. */
  message(data: unknown): void;
  /** It has ended, or never began: nothing more will come. */
  ended(cause: Error): void;
}

/** A running worker. */
export interface WorkerThread {
  /** Posts a message to it. */
  post(data: unknown): void;
  /** Whether it keeps the process alive (Node). */
  hold(isNeeded: boolean): void;
  /** Ends it, whatever it does; resolves when it is gone. */
  terminate(): Promise<void>;
}

type NodeThreads = typeof import("node:worker_threads");

/** Node's module without an import that a bundler for pages would stumble over. */
function nodeThreads(): NodeThreads | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  return process?.getBuiltinModule?.("node:worker_threads") as NodeThreads | undefined;
}

function inNode(worker: import("node:worker_threads").Worker, listener: WorkerListener): WorkerThread {
  worker.on("message", (data) => listener.message(data));
  worker.on("error", (error) => listener.ended(error instanceof Error ? error : new Error(String(error))));
  worker.on("exit", (code) => listener.ended(new Error(`it exited with code ${code}`)));
  return {
    post: (data) => worker.postMessage(data),
    hold: (isNeeded) => (isNeeded ? worker.ref() : worker.unref()),
    terminate: async () => {
      await worker.terminate();
    },
  };
}

function inPage(worker: Worker, listener: WorkerListener): WorkerThread {
  worker.onmessage = ({ data }) => listener.message(data);
  worker.onerror = ({ message }) => listener.ended(new Error(message || "its script could not be loaded"));
  return {
    post: (data) => worker.postMessage(data),
    hold: () => undefined,
    terminate: async () => worker.terminate(),
  };
}

/**
 * Starts a worker that becomes a unit (unit-worker.ts).
 *
 * @param script where its script is; default beside this file, written so that bundlers find it
 * @param listener is told what it says
 */
export function startWorker(script: URL | string | undefined, listener: WorkerListener): WorkerThread {
  const threads = nodeThreads();
  if (threads) {
    const url = script === undefined ? new URL("./unit-worker.js", import.meta.url) : new URL(script);
    return inNode(new threads.Worker(url, { execArgv: [] }), listener);
  }
  const worker =
    script === undefined
      ? new Worker(new URL("./unit-worker.js", import.meta.url), { type: "module" })
      : new Worker(script, { type: "module" });
  return inPage(worker, listener);
}
