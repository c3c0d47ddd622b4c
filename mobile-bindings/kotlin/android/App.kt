// NOT BUILT HERE: for an Android app to copy.
package your.app

import android.app.Application
import android.content.Context
import android.net.ConnectivityManager
import android.net.Network as SystemNetwork
import android.net.NetworkCapabilities
import android.net.NetworkCapabilities.NET_CAPABILITY_NOT_METERED
import gridlog.FileMarker
import gridlog.Gridlog
import gridlog.ffi.FilePolicy
import gridlog.ffi.Network
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock

private const val SERVER = "https://grid.example"

/** The worker's phone, opened once in a process: by the first screen, or by a sync in the background. */
class App : Application() {
    private val opening = Mutex()
    private var opened: Gridlog? = null

    suspend fun phone(): Gridlog = opening.withLock {
        opened ?: open().also {
            opened = it
            followNetwork(it)
        }
    }

    /** Where backups do not reach; photos are kept beside the store. */
    private suspend fun open(): Gridlog {
        val home = noBackupFilesDir.toPath()
        return Gridlog.open(home.resolve("phone.db"), SERVER, keystoreKey(this), FileMarker(home.resolve("marker")))
    }

    /** Says what network there is whenever the system does. */
    private fun followNetwork(phone: Gridlog) {
        val listener = object : ConnectivityManager.NetworkCallback() {
            override fun onCapabilitiesChanged(network: SystemNetwork, capabilities: NetworkCapabilities) =
                phone.allowPhotos(phone.photoPolicy, kindOf(capabilities))

            override fun onLost(network: SystemNetwork) = phone.allowPhotos(phone.photoPolicy, Network.NONE)
        }
        getSystemService(ConnectivityManager::class.java).registerDefaultNetworkCallback(listener)
    }
}

/**
 * Says what network there is now, and with [policy] what the worker has just chosen in the settings. The engine keeps the
 * choice, and not the network.
 */
fun Context.sayNetwork(phone: Gridlog, policy: FilePolicy = phone.photoPolicy) {
    val connectivity = getSystemService(ConnectivityManager::class.java)
    phone.allowPhotos(policy, kindOf(connectivity.getNetworkCapabilities(connectivity.activeNetwork)))
}

private fun kindOf(capabilities: NetworkCapabilities?): Network = when {
    capabilities == null -> Network.NONE
    capabilities.hasCapability(NET_CAPABILITY_NOT_METERED) -> Network.UNMETERED
    else -> Network.METERED
}
