/* SPDX-License-Identifier: Apache-2.0 */
#include "python/binding.h"

int pdl_bind_graph(PyObject *module)
{
    (void)module;
    return 0;
}
