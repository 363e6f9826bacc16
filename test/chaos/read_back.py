"""Reads whole topics by librdkafka, committed records alone: a line of JSON {"brokers", "topic"} in, a line out with what stands in each partition."""
import json
import sys
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

SECONDS_MAX = 40


def read(brokers, topic):
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": "read-back",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 20,
            "reconnect.backoff.max.ms": 500,
            "log_level": 0,
        }
    )
    try:
        return attempt(consumer, topic, time.monotonic() + SECONDS_MAX)
    finally:
        consumer.close()


def attempt(consumer, topic, deadline):
    metadata = consumer.list_topics(topic, timeout=SECONDS_MAX)
    if metadata.topics[topic].error is not None:
        raise KafkaException(metadata.topics[topic].error)
    count = len(metadata.topics[topic].partitions)
    starts = []
    for partition in range(count):
        low, _ = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
        starts.append(low)
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(count)])
    found = [{"start": starts[partition], "end": None, "records": []} for partition in range(count)]
    while any(one["end"] is None for one in found):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{topic}: {[one['end'] for one in found]}")
        message = consumer.poll(0.5)
        if message is None:
            continue
        error = message.error()
        if error is None:
            found[message.partition()]["records"].append([message.offset(), json.loads(message.value())["uid"]])
        elif error.code() == KafkaError._PARTITION_EOF:
            found[message.partition()]["end"] = message.offset()
        elif error.fatal() or error.code() not in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
            raise KafkaException(error)
    return found


for line in sys.stdin:
    asked = json.loads(line)
    answer = None
    for left in (2, 1, 0):
        try:
            answer = {"partitions": read(asked["brokers"], asked["topic"])}
            break
        except (KafkaException, TimeoutError) as error:
            answer = {"error": repr(error)}
    print(json.dumps(answer), flush=True)
