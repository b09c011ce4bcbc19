# A gRPC server of bytes: no protoc. Prints "listening PORT", and what it sees of calls that are given up.
import threading
from concurrent import futures

import grpc


def say(what):
    print(what, flush=True)


def echo(request, context):
    mine = dict(context.invocation_metadata())
    context.send_initial_metadata((("x-first", mine.get("x-mine", "")), ("x-bytes-bin", mine.get("x-mine-bin", b""))))
    remaining = context.time_remaining()
    context.set_trailing_metadata((("x-last-bin", bytes(range(256))), ("x-deadline", "yes" if remaining is not None and remaining < 61 else "no")))
    return request


def fail(request, context):
    context.set_trailing_metadata((("x-last", "failed"),))
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "on purpose: 100 % \u00e9")


def count(request, context):
    for i in range(int(request)):
        yield str(i).encode()


def total(requests, context):
    return str(sum(len(r) for r in requests)).encode()


def chat(requests, context):
    for request in requests:
        yield request.upper()


def enough(requests, context):
    yield next(requests)
    context.set_trailing_metadata((("x-last", "enough"),))
    context.set_code(grpc.StatusCode.OUT_OF_RANGE)


def wait(request, context):
    # What is said last is seen only by who listens to the end.
    ended = threading.Event()
    context.add_callback(ended.set)
    yield b"began"
    ended.wait()
    say("ended " + request.decode())


METHODS = {
    "/suite.Suite/Echo": grpc.unary_unary_rpc_method_handler(echo),
    "/suite.Suite/Fail": grpc.unary_unary_rpc_method_handler(fail),
    "/suite.Suite/Count": grpc.unary_stream_rpc_method_handler(count),
    "/suite.Suite/Total": grpc.stream_unary_rpc_method_handler(total),
    "/suite.Suite/Chat": grpc.stream_stream_rpc_method_handler(chat),
    "/suite.Suite/Enough": grpc.stream_stream_rpc_method_handler(enough),
    "/suite.Suite/Wait": grpc.unary_stream_rpc_method_handler(wait),
}


class Suite(grpc.GenericRpcHandler):
    def service(self, details):
        return METHODS.get(details.method)


server = grpc.server(futures.ThreadPoolExecutor(16), options=(("grpc.max_receive_message_length", -1),))
server.add_generic_rpc_handlers((Suite(),))
say(f"listening {server.add_insecure_port('127.0.0.1:0')}")
server.start()
server.wait_for_termination()
