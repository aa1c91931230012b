// A filter of another language's SDK: reads and writes headers and bodies, answers by itself, calls a cluster, counts.
export * from "@solo-io/proxy-runtime/proxy";
import {
  Context,
  FilterDataStatusValues,
  FilterHeadersStatusValues,
  GrpcStatusValues,
  LogLevelValues,
  RootContext,
  log,
  registerRootContext,
  send_local_response,
  stream_context,
} from "@solo-io/proxy-runtime";

function say(text: string): void {
  log(LogLevelValues.warn, "say: " + text);
}

class Root extends RootContext {
  createContext(id: u32): Context {
    return new Stream(id, this);
  }
}

class Stream extends Context {
  path: string = "";

  constructor(id: u32, root: Root) {
    super(id, root);
  }

  onRequestHeaders(count: u32, end: bool): FilterHeadersStatusValues {
    this.path = stream_context.headers.request.get(":path");
    say("request headers " + count.toString() + " " + end.toString() + " " + this.path);
    say("config " + this.root_context.getConfiguration());
    say("absent [" + stream_context.headers.request.get("missing") + "]");
    stream_context.headers.request.add("x-as", "one");
    stream_context.headers.request.replace("x-as", "two");
    stream_context.headers.request.remove("user-agent");
    if (this.path == "/reply") {
      send_local_response(403, "by assemblyscript", String.UTF8.encode("no"), [], GrpcStatusValues.PermissionDenied);
      return FilterHeadersStatusValues.StopIteration;
    }
    return FilterHeadersStatusValues.Continue;
  }

  onRequestBody(size: usize, end: bool): FilterDataStatusValues {
    say("request body " + size.toString() + " " + end.toString());
    return FilterDataStatusValues.Continue;
  }

  onResponseHeaders(count: u32, end: bool): FilterHeadersStatusValues {
    say("response headers " + end.toString() + " " + stream_context.headers.response.get(":status"));
    stream_context.headers.response.add("x-as", "seen");
    return FilterHeadersStatusValues.Continue;
  }

  onDone(): bool {
    say("done");
    return true;
  }

  onLog(): void {
    say("log " + this.path);
  }
}

registerRootContext((id: u32) => { return new Root(id); }, "root");
