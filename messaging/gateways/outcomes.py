"""How a call to a provider ends when it was not accepted. The text of each is for operators: codes and types only."""


class NotAcceptedError(Exception):
    """The provider surely did not take the message: it, or another provider, may be asked again."""


class UnknownOutcomeError(Exception):
    """The provider may have taken the message: asking anybody again could deliver it twice."""


class RefusedError(Exception):
    """This message can't be sent by anybody: the phone does not exist, say."""
