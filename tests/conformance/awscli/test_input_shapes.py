"""What the AWS CLI takes: its shorthand for structures, and the documents of ``--cli-input-json``."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from awscli.shorthand import ShorthandParser
from botocore.utils import ArgumentGenerator
from hypothesis import given
from hypothesis import strategies as st

from iotsign.server.client import plain_request, read_document
from iotsign.server.client._shorthand import parse_shorthand
from iotsign.server.protocol import operation_model, operation_names

SAME = (
    "certificateArn=arn:aws:acm:us-east-1:111122223333:certificate/8a6cb3d9-8a5e-4b1a-9d0e-0a3a37e3a6f1",
    "s3={bucketName=firmware,key=a/b c.bin,version=x==}",
    "value=3,type=MONTHS",
    "signingConfiguration={encryptionAlgorithm=ECDSA,hashAlgorithm=SHA256},signingImageFormat=JSONDetached",
    "a='b, c',d=\"e, 'f'\"",
    r"a=b\,c,d=e",
    "a=[b,c],d={e=[{f=g},h]}",
    "a=b , c=d",
    "a='it\\'s'",
    "a=,b=c",
    "c:d=e/f.g#h",
    "a={}",
)


@pytest.mark.parametrize("text", SAME)
def test_shorthand_means_the_same(text: str) -> None:
    assert parse_shorthand(text) == ShorthandParser().parse(text)


WORDS = st.text("abXY09-./: ", min_size=1, max_size=6).map(str.strip).filter(bool)
KEYS = st.text("abXY09-_.", min_size=1, max_size=5)
VALUES = st.recursive(
    WORDS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"[{','.join(parts)}]"),
        st.dictionaries(KEYS, inner, min_size=1, max_size=3).map(
            lambda pairs: "{" + ",".join(f"{key}={value}" for key, value in pairs.items()) + "}"
        ),
    ),
    max_leaves=8,
)


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
def test_random_shorthand_means_the_same(pairs: dict[str, str]) -> None:
    text = ",".join(f"{key}={value}" for key, value in pairs.items())
    assert parse_shorthand(text) == ShorthandParser().parse(text)


@pytest.mark.parametrize("operation", operation_names())
def test_the_skeleton_of_every_operation_is_taken(operation: str) -> None:
    # what `aws signer … --generate-cli-skeleton` prints; each of its values has the right type
    skeleton = ArgumentGenerator().generate_skeleton(operation_model(operation).input_shape)
    document = json.dumps(skeleton, default=lambda _: None).encode()
    request = read_document(operation, document)
    given_members = {name for name, value in json.loads(document).items() if value is not None}
    assert set(request) == given_members
    assert read_document(operation, json.dumps(plain_request(operation, request)).encode()) == request


@pytest.mark.parametrize(
    ("command", "operation"),
    [("put-signing-profile", "PutSigningProfile"), ("list-signing-jobs", "ListSigningJobs")],
)
def test_the_skeleton_that_the_command_prints_is_taken(command: str, operation: str) -> None:
    printed = subprocess.run(
        [Path(sys.executable).with_name("aws"), "signer", command, "--generate-cli-skeleton"],
        env={"AWS_DEFAULT_REGION": "us-east-1"},
        capture_output=True,
        check=True,
    ).stdout
    assert set(read_document(operation, printed)) == set(json.loads(printed))
