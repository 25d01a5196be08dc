"""AWS Signer's contract, as botocore's service model ``signer`` 2017-08-25 states it.

Nothing of the model is typed again here: routes, shapes, constraints and error codes are read from it.
"""

from functools import cache
from typing import Any, Final, cast

from iotsign.errors import MissingDependencyError

SERVICE: Final = "signer"
API_VERSION: Final = "2017-08-25"


@cache
def service_model() -> Any:
    """Load the model that comes with botocore; models in the user's home are not looked at.

    Returns:
        A ``botocore.model.ServiceModel``.

    Raises:
        MissingDependencyError: botocore is not installed.
    """
    try:
        from botocore.loaders import Loader
        from botocore.model import ServiceModel
    except ImportError:
        message = "AWS Signer's model comes with botocore; install iotsign[server], or iotsign[aws] to call others"
        raise MissingDependencyError("MissingDependency", message, extra="server") from None
    loader = Loader(include_default_search_paths=False)
    loader.search_paths.append(cast("str", Loader.BUILTIN_DATA_PATH))
    return ServiceModel(loader.load_service_model(SERVICE, "service-2", API_VERSION), service_name=SERVICE)


@cache
def operation_model(operation: str) -> Any:
    """Give the ``botocore.model.OperationModel`` of an operation."""
    return service_model().operation_model(operation)


def operation_names() -> tuple[str, ...]:
    """The names of all operations."""
    return tuple(service_model().operation_names)


@cache
def error_status() -> dict[str, int]:
    """The HTTP status of each exception that the model declares."""
    return {shape.name: int(shape.metadata["error"]["httpStatusCode"]) for shape in service_model().error_shapes}


@cache
def declared_errors(operation: str) -> frozenset[str]:
    """The names of the exceptions that an operation declares."""
    return frozenset(shape.name for shape in operation_model(operation).error_shapes)
