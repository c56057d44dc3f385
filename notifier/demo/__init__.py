"""The offline tour. In: sample papers written for it. Out: real mails in a local inbox."""
