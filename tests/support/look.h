/* Waiting for a condition of other processes or threads: between two looks a test or a benchmark gives its processor away. */
#pragma once

void look_again_in(unsigned ms);
