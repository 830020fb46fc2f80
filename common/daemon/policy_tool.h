/* What anjuctl does with policies away from the hub: keys that never come near it, signatures, and the check of files before anybody sees
 * them. */
#pragma once

int policy_keygen(int argc, char **argv); /* each gives an exit code */
int policy_sign_words(int argc, char **argv);
int policy_check(int argc, char **argv);
