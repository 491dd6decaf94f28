/* Finds by measurement how many streams a batch runs as. SPDX-License-Identifier: Apache-2.0
 *
 * What streams win depends on what barriers cost and on the caches, which an estimate does not know. So the numbers of
 * streams that fit are run turn by turn on the network itself. One that gives other bits than one stream is not taken,
 * since oneDNN chooses its code by batch and threads, too; nor is one that is not clearly faster. The answer is kept
 * (decisions.h); where it cannot be, and with few threads, which one network keeps busy, there is one stream. */
#ifndef PDL_NET_SPLIT_TRIAL_H
#define PDL_NET_SPLIT_TRIAL_H

#include "net/choice.h"

/* How many streams; also 1 where that cannot be found out. */
size_t pdl_split_trial(const pdl_engine *engine, pdl_program *program, const pdl_setting *setting,
                       const pdl_choice *choices);

#endif
