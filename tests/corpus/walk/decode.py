"""Decodes the accepted cases of the corpus with Python's protobuf, the one that grpcio uses.

Run as: decode.py DESCRIPTORS CASES. DESCRIPTORS is the contract as an encoded FileDescriptorSet. Ends with an error
that names each case which decodes to something else than the corpus says.
"""

import json
import struct
import sys

import google.protobuf
from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory, unknown_fields


def event_class(path):
    """The class of annals.v1.Event, made from the contract's description."""
    files = descriptor_pb2.FileDescriptorSet()
    with open(path, "rb") as descriptors:
        files.ParseFromString(descriptors.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("annals.v1.Event"))


def octets(written):
    """The bytes of hexadecimal tokens; `7a*300` repeats a byte."""
    whole = b""
    for token in written.split():
        digits, _, count = token.partition("*")
        whole += bytes.fromhex(digits) * int(count or 1)
    return whole


def cell(value):
    """A decoded cell as the corpus writes it, bytes aside."""
    kind = value.WhichOneof("kind")
    if kind is None:
        return {}
    held = getattr(value, kind)
    written = {
        "bool_value": lambda: {"bool": held},
        "int_value": lambda: {"int64": str(held)},
        "double_value": lambda: {"double": struct.pack(">d", held).hex()},
        "string_value": lambda: {"string": held},
        "bytes_value": lambda: {"bytes": held},
        "timestamp_unix_nanos": lambda: {"timestamp": str(held)},
        "uuid_value": lambda: {"uuid": held.hex()},
    }
    return written[kind]()


def decoded(event):
    """A decoded event as the corpus writes it, bytes aside."""
    return {
        "partition_key": event.partition_key,
        "time_unix_nanos": str(event.time_unix_nanos) if event.HasField("time_unix_nanos") else None,
        "event_id": event.event_id.hex() or None,
        "columns": {name: cell(value) for name, value in event.columns.items()},
    }


def expected(event):
    """What the corpus says, with its bytes read."""
    columns = {
        name: {"bytes": octets(value["bytes"])} if "bytes" in value else value
        for name, value in event["columns"].items()
    }
    return {**event, "partition_key": octets(event["partition_key"]), "columns": columns}


def main():
    descriptors, cases = sys.argv[1:]
    event = event_class(descriptors)
    wrong, right = [], 0
    with open(cases, encoding="utf-8") as lines:
        for case in map(json.loads, lines):
            if case["expect"] != "ACCEPTED":
                continue
            found = event()
            try:
                found.ParseFromString(octets(case["bytes"]))
            except message.DecodeError as error:
                wrong.append(f"{case['name']}: refused: {error}")
                continue
            strangers = len(unknown_fields.UnknownFieldSet(found))
            if decoded(found) != expected(case["event"]) or strangers:
                wrong.append(f"{case['name']}: decodes to {decoded(found)} with {strangers} unknown fields")
            right += 1
    if wrong:
        sys.exit("\n".join(wrong))
    print(f"{right} cases decode alike with protobuf {google.protobuf.__version__} of Python")


if __name__ == "__main__":
    main()
