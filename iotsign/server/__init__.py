"""The signing service over HTTP: AWS Signer's protocol, and as much of S3 as a signing round trip needs."""
