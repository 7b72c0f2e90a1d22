"""Input and output of spantls.ssl beside ssl: ends of connections, time-outs, loops, resumption, what objects tell."""

import os

import differential
import report

suite = differential.Suite(os.path.join(report.HERE, "differences_io.txt"))
scenario = suite.scenario


@scenario
def close_notify_reads_as_nothing(run):
    memory = run.opened()
    memory.server.object.write(b"last words")
    memory.server.see("unwrap", memory.server.object.unwrap)
    memory.move()
    memory.client.see("read", memory.client.object.read, 100)
    memory.client.see("read", memory.client.object.read, 100)
    memory.client.see("unwrap", memory.client.object.unwrap)
    memory.move()
    memory.server.see("unwrap", memory.server.object.unwrap)


if __name__ == "__main__":
    suite.main()
