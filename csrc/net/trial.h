/* Checks the choice of algorithms by running layers. SPDX-License-Identifier: Apache-2.0
 *
 * An estimate knows no machine. Where two candidates of a convolution are close by it, both are run on the layer's own
 * shape and weights, turn by turn, and the estimate's favourite gives way to one that is clearly faster. What is
 * decided is kept (decisions.h), what there was no time for as the estimate has it, so that no process of the machine
 * decides again: an algorithm changes results by rounding, and the same images are to give the same features. So where
 * decisions cannot be kept, nothing is run and the estimate alone decides. */
#ifndef PDL_NET_TRIAL_H
#define PDL_NET_TRIAL_H

#include "net/choice.h"
#include "net/engine.h"

/* Changes the tiles of choices that are decided otherwise; setting->decisions is the file. */
void pdl_trial_run(const pdl_engine *engine, pdl_program *program, const pdl_setting *setting, pdl_choice *choices);

#endif
