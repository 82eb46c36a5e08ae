#!/usr/bin/env python3
"""Serve the standard library's own folder over HTTP, to live connections.

A thread for each connection, as http.server has it; the clients are here, too,
have had some answers, and keep their connections open.
"""
import http.client
import http.server
import pathlib
import sys
import sysconfig
import threading

CONNECTIONS, REQUESTS = 20, 3


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *args):
        self.served = []
        super().__init__(*args, directory=sysconfig.get_path("stdlib"))

    def log_message(self, *args):
        self.served.append((self, args))
        self.server.log.append(self.served)


def serve():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.log = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    return server, thread


def ask(connection, path):
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.body = answer.read()
    answer.connection = connection
    return answer


server, thread = serve()
paths = [path.name for path in
         sorted(pathlib.Path(sysconfig.get_path("stdlib")).glob("[a-c]*.py"))]
connections = [http.client.HTTPConnection("127.0.0.1", server.server_port)
               for _ in range(CONNECTIONS)]
answers = []
for i in range(REQUESTS):
    for j, connection in enumerate(connections):
        path = paths[(i * CONNECTIONS + j) % len(paths)]
        connection.last = ask(connection, "/" + path)
        answers.append(connection.last)
if any(answer.status != 200 for answer in answers):
    sys.exit("an answer is missing")
print(len(answers), "answers,", threading.active_count() - 1, "threads")
